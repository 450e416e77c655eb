import { guarded } from '../../domain/errors/guarded.ts'
import { misspelledFields } from '../../domain/documents/field-names.ts'
import { isDeeperThan, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { documentsOfDesktopConfig, documentsOfServers } from '../clients/desktop-config.ts'
import { jsonOfJsonc } from './jsonc.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'
import { type ParsedText, parseYaml } from './yaml-text.ts'
import { parseYamlInThread } from './yaml-thread.ts'

/** What a registry file says, or why it says nothing. Neither holds text of the file: it may be a secret. */
export type RegistryText = RegistryContent | { readonly problem: string }

/** The content of a registry file. */
export interface RegistryContent {
  /** The servers. */
  readonly documents: readonly RegistryDocument[]
  readonly sections: Readonly<Record<OptionalSection, SectionContent>>
  /** Ids of what the operator confirms, see `FileHolds`. */
  readonly confirmed: ReadonlySet<string>
  /** Sentences for the operator about parts without effect. */
  readonly notes: readonly string[]
}

/** A section that a file need not have; one that cannot be used leaves the rest of the file alone. */
export type OptionalSection = (typeof OPTIONAL_SECTIONS)[number]
type SectionContent = { readonly documents: readonly RegistryDocument[] } | { readonly problem: string }

/** How large a registry file may be. */
export const MAX_REGISTRY_BYTES = 4 * 1024 * 1024
/** From so many characters on it takes YAML longer than anybody should wait. */
export const LARGE_TEXT = 65_536
/** How deep a text may be nested, whatever the stack would bear. Documents have a smaller bound, each for itself. */
const MAX_LEVELS = 1000
/** Sections that the format has and that this version does not act on. */
const IGNORED_SECTIONS = ['gateway']
/** Names of the sections that a registry file need not have. */
export const OPTIONAL_SECTIONS = ['tenants', 'templates', 'pipelines', 'enhancement_rules'] as const
const SECTIONS = ['servers', 'mcpServers', 'confirm', ...OPTIONAL_SECTIONS, ...IGNORED_SECTIONS]

/**
 * Reads the text of a registry file: `servers`, a map from name to document, a desktop client's `mcpServers`, or
 * both; beside them `tenants`, `templates`, `pipelines` and `enhancement_rules`, maps from id to document.
 */
export function readRegistryText(text: string): RegistryText {
  return guarded<RegistryText>(
    () => contentOf(text, parseText),
    (reason) => ({ problem: reason }),
  )
}

/** Like `readRegistryText`; a large text in YAML is read in a thread, so that it does not block the event loop. */
export async function readLargeRegistryText(text: string): Promise<RegistryText> {
  if (text.length < LARGE_TEXT || jsonOf(text) !== undefined) return readRegistryText(text)
  const parsed = await parseYamlInThread(text)
  return guarded<RegistryText>(
    () => contentOf(text, () => parsed),
    (reason) => ({ problem: reason }),
  )
}

function contentOf(text: string, parse: (text: string) => ParsedText): RegistryText {
  if (text.trim() === '') return { problem: 'the file is empty' }
  const parsed = parse(text)
  if ('problem' in parsed) return parsed
  const { root } = parsed
  if (isDeeperThan(root, MAX_LEVELS)) return { problem: 'it is nested too deeply' }
  if (!isJsonObject(root)) return { problem: 'expected a map with `servers` or `mcpServers`' }
  if (root['servers'] === undefined && root['mcpServers'] === undefined) {
    return { problem: '`servers` and `mcpServers` are both missing' }
  }
  if (root['servers'] === null) {
    return { problem: '`servers` has no value; write `servers: {}` to have none' }
  }
  const servers = root['servers'] ?? {}
  const mcpServers = root['mcpServers'] ?? {}
  if (!isJsonObject(servers)) return { problem: '`servers`: expected a map from name to document' }
  if (!isJsonObject(mcpServers)) return { problem: '`mcpServers`: expected a map from name to entry' }
  return {
    documents: [
      ...documentsOfServers(servers, { isOfEditor: Array.isArray(root['inputs']) }),
      ...documentsOfDesktopConfig(mcpServers),
    ],
    sections: {
      tenants: sectionOf(root, 'tenants'),
      templates: sectionOf(root, 'templates'),
      pipelines: sectionOf(root, 'pipelines'),
      enhancement_rules: sectionOf(root, 'enhancement_rules'),
    },
    confirmed: confirmedIn(root['confirm']),
    notes: notesOf(root),
  }
}

function confirmedIn(confirm: unknown): Set<string> {
  const ids: unknown[] = Array.isArray(confirm) ? confirm : [confirm]
  return new Set(ids.filter((id) => typeof id === 'string'))
}

function sectionOf(root: JsonObject, name: OptionalSection): SectionContent {
  if (root[name] === undefined && misspelledFields(root, SECTIONS).includes(name))
    return {
      problem: `missing, but an unknown section has almost this name; write \`${name}: {}\` to have none`,
    }
  const section = root[name] === undefined ? {} : root[name]
  if (section === null) return { problem: `no value; write \`${name}: {}\` to have none` }
  if (!isJsonObject(section)) return { problem: 'expected a map from id to document' }
  return { documents: documentsOf(section) }
}

function documentsOf(section: JsonObject): RegistryDocument[] {
  return Object.entries(section).map(([id, value]) => ({ id, value }))
}

/** JSON is tried first, independent of the file's name: it is much faster, and YAML reads what JSON does not. */
function parseText(text: string): ParsedText {
  return jsonOf(text) ?? parseYaml(text)
}

/** With comments and commas as editors write them. Undefined for a YAML flow map, and for what is broken. */
function jsonOf(text: string): ParsedText | undefined {
  return /^\s*[{/]/.test(text) ? (jsonIn(text) ?? jsonIn(jsonOfJsonc(text))) : undefined
}

function jsonIn(text: string): ParsedText | undefined {
  try {
    return { root: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

function notesOf(root: JsonObject): string[] {
  return Object.entries(root).flatMap(([key, value]) => {
    if (key === 'inputs')
      return ['section "inputs" has no effect: the gateway does not prompt for inputs or fill in ${input:…}']
    if (!SECTIONS.includes(key)) return [`unknown section ${JSON.stringify(key.slice(0, 64))} is ignored`]
    return IGNORED_SECTIONS.includes(key) && !isEmpty(value)
      ? [`section "${key}" has no effect in this version`]
      : []
  })
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}
