import { LineCounter, parseDocument } from 'yaml'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { documentsOfDesktopConfig } from './desktop-config.ts'
import type { RegistryDocument } from './parse.ts'

/** What a registry file says, or why it says nothing. Neither holds text of the file: it may be a secret. */
export type RegistryText =
  | { readonly documents: readonly RegistryDocument[]; readonly notes: readonly string[] }
  | { readonly problem: string }

const MAX_ALIAS_COUNT = 100
/** Sections that the format has and that this version does not act on. */
const IGNORED_SECTIONS = ['tenants', 'templates', 'pipelines', 'gateway']
const SECTIONS = ['servers', 'mcpServers', ...IGNORED_SECTIONS]

/**
 * Reads the text of a registry file: `servers`, a map from name to document, a desktop client's `mcpServers`, or
 * both. `notes` are sentences for the operator about parts without effect.
 */
export function readRegistryText(text: string): RegistryText {
  if (text.trim() === '') return { problem: 'the file is empty' }
  const parsed = parseText(text)
  if ('problem' in parsed) return parsed
  const { root } = parsed
  if (!isJsonObject(root)) return { problem: 'expected a map with `servers` or `mcpServers`' }
  if (root['servers'] === undefined && root['mcpServers'] === undefined) {
    return { problem: 'neither `servers` nor `mcpServers` is there' }
  }
  if (root['servers'] === null) {
    return { problem: '`servers` has no value; write `servers: {}` to have none' }
  }
  const servers = root['servers'] ?? {}
  const mcpServers = root['mcpServers'] ?? {}
  if (!isJsonObject(servers)) return { problem: '`servers`: expected a map from name to document' }
  if (!isJsonObject(mcpServers)) return { problem: '`mcpServers`: expected a map from name to entry' }
  const own = Object.entries(servers).map(([id, value]) => ({ id, value }))
  return { documents: [...own, ...documentsOfDesktopConfig(mcpServers)], notes: notesOf(root) }
}

/** JSON is tried first, whatever the file is called: it is much faster, and YAML reads what JSON does not. */
function parseText(text: string): { root: unknown } | { problem: string } {
  if (/^\s*\{/.test(text)) {
    try {
      return { root: JSON.parse(text) as unknown }
    } catch {
      // A YAML flow map, or broken JSON, for which the YAML parser knows line and column.
    }
  }
  return parseYaml(text)
}

function parseYaml(text: string): { root: unknown } | { problem: string } {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true, logLevel: 'error' })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    return { problem: `line ${line}, column ${col}: ${error.code.toLowerCase().replaceAll('_', ' ')}` }
  }
  try {
    return { root: document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }) as unknown }
  } catch {
    return { problem: 'aliases cannot be resolved, or there are too many' }
  }
}

function notesOf(root: JsonObject): string[] {
  return Object.entries(root).flatMap(([key, value]) => {
    if (!SECTIONS.includes(key)) return [`unknown section ${JSON.stringify(key.slice(0, 64))} is ignored`]
    return IGNORED_SECTIONS.includes(key) && !isEmpty(value)
      ? [`section "${key}" has no effect in this version`]
      : []
  })
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}
