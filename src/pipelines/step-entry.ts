import type { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { textOf } from './template.ts'

/** What became of a step. */
export type StepStatus = 'ok' | 'skipped' | 'failed' | 'default'

/** What expressions see of a step under `steps.<id>`. */
export type StepEntry = JsonObject & {
  readonly status: StepStatus
  /** The texts of the result, one per line. */
  readonly text: string
  /** What the text says as JSON, else the structured result, else null. */
  readonly data: unknown
  /** The structured result, else null. */
  readonly structured: unknown
  readonly content: readonly unknown[]
  /** Of a step with `forEach`, each with its `item`, else null. */
  readonly items: readonly JsonObject[] | null
  readonly error: { readonly code: string; readonly message: string } | null
}

const NOTHING = { text: '', data: null, structured: null, content: [], items: null, error: null } as const

/** What later steps see of a step that did not run. */
export const SKIPPED: StepEntry = { status: 'skipped', ...NOTHING }

/** The entry of a result of `tools/call`. */
export function entryOf(result: JsonObject): StepEntry {
  const content: readonly unknown[] = Array.isArray(result['content']) ? result['content'] : []
  const text = textIn(content)
  const structured = result['structuredContent'] ?? null
  return { ...NOTHING, status: 'ok', text, data: parsed(text) ?? structured, structured, content }
}

/** The entry of a failure that the pipeline takes. */
export function failedEntry({ code, message }: GatewayError): StepEntry {
  return { ...NOTHING, status: 'failed', error: { code, message } }
}

/** The entry of a value that stands for a result. */
export function defaultEntry(value: unknown, { code, message }: GatewayError): StepEntry {
  const text = textOf(value)
  const content = [{ type: 'text', text }]
  const data = typeof value === 'string' ? null : value
  return { ...NOTHING, status: 'default', text, data, structured: data, content, error: { code, message } }
}

/** The entry of a step that was done for each item of a list. */
export function listEntry(list: readonly unknown[], entries: readonly StepEntry[]): StepEntry {
  const items = entries.map((entry, index) => ({ item: list[index], ...entry }))
  const text = items.map((item) => item.text).join('\n')
  return {
    ...NOTHING,
    status: 'ok',
    text,
    data: items.map(({ data }) => data),
    content: text === '' ? [] : [{ type: 'text', text }],
    items,
  }
}

/** The texts among the parts of a result. */
export function textIn(content: unknown): string {
  const parts: readonly unknown[] = Array.isArray(content) ? content : []
  return parts
    .flatMap((part) => (isJsonObject(part) && typeof part['text'] === 'string' ? [part['text']] : []))
    .join('\n')
}

function parsed(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return null
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null
  }
}
