import { VERSION } from '../../config/version.ts'
import { visible } from '../../domain/text/visible.ts'
import type { ChainEntry } from '../chain/chain-entries.ts'
import type { StoredRecord } from '../usage-record.ts'

const SEVERITIES: Readonly<Record<string, number>> = {
  denied: 5,
  error: 4,
  unknown: 4,
  tool_error: 3,
  changed: 3,
}
const LOWEST = 1

/** A record as a line of the Common Event Format, version 0. */
export function cefLine(record: StoredRecord, entry: ChainEntry): string {
  const { action, outcome } = record
  const head = ['Tool Gateway', 'tool-gateway', VERSION, action, `${action} ${outcome}`]
  const severity = SEVERITIES[outcome] ?? LOWEST
  return `CEF:0|${head.map(inHead).join('|')}|${severity}|${extensionOf(record, entry)}`
}

function extensionOf(record: StoredRecord, entry: ChainEntry): string {
  const fields: readonly (readonly [key: string, value: string | number | null | undefined])[] = [
    ['rt', record.atMs],
    ['externalId', record.id],
    ['act', record.effect],
    ['outcome', outcomeOf(record)],
    ['reason', record.code],
    ['suser', record.subject],
    ['spriv', record.roles?.join(',')],
    ['src', record.address],
    ['requestClientApplication', record.clientName ?? record.agent],
    ['app', record.face],
    ['destinationServiceName', record.server],
    ['request', record.target],
    ['in', record.requestBytes],
    ['out', record.responseBytes],
    ...labelled(record, entry),
  ]
  return fields
    .flatMap(([key, value]) =>
      value === null || value === undefined || value === '' ? [] : `${key}=${inExtension(value)}`,
    )
    .join(' ')
}

function labelled(record: StoredRecord, entry: ChainEntry): [string, string | number | null | undefined][] {
  const strings = [
    ['tenant', record.tenantId],
    ['rule', record.ruleId],
    ['ruleDocument', record.ruleDocument],
    ['requestId', record.requestId],
    ['change', record.change && JSON.stringify(record.change)],
    ['hash', entry.kind === 'record' ? entry.hash : undefined],
  ] as const
  const labels = strings.flatMap(([label, value], index): [string, string | null | undefined][] =>
    value === undefined || value === null
      ? []
      : [
          [`cs${index + 1}Label`, label],
          [`cs${index + 1}`, value],
        ],
  )
  const seq = entry.kind === 'record' ? entry.seq : undefined
  return [
    ...labels,
    ...(seq === undefined ? [] : [['cn1Label', 'seq'] as [string, string], ['cn1', seq] as [string, number]]),
  ]
}

function outcomeOf({ outcome }: StoredRecord): string {
  return outcome === 'ok' || outcome === 'changed' ? 'success' : 'failure'
}

function inHead(text: string): string {
  return visible(text.replace(/[\\|]/g, '\\$&').replace(/[\r\n]+/g, ' '))
}

/** With codes for what the format has no escape for, and what steers a terminal or ends a line for some readers. */
function inExtension(value: string | number): string {
  const escaped = String(value).replace(/[\\=]/g, '\\$&').replace(/\n/g, '\\n').replace(/\r/g, '\\r')
  return visible(escaped)
}
