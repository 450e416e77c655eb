import { exposedName } from '../tool-name.ts'
import type { RuleCheck } from './explanation.ts'
import type { RuleId } from './rules.ts'

/** What is said of a rule that is not met. */
interface Wording {
  /** One sentence, without where it stands. */
  readonly sentence: (check: RuleCheck) => string
  /** Changes of the caller first, then of the document. */
  readonly remedies: (check: RuleCheck) => readonly string[]
}

const ROLES: Wording = {
  sentence: ({ value, given }) =>
    `The caller needs ${rolesText(value)}; it has ${listText(given, 'no role')}`,
  remedies: (check) => [`Give the caller ${missingRoles(check)}.`, changed(check)],
}

const AGENTS: Wording = {
  sentence: ({ value, given }) =>
    `${textsIn(value).length === 0 ? 'No agent is allowed' : `The agent must be ${oneOf(textsIn(value))}`}; it is ${given === undefined ? 'not named in the token' : shown(given)}`,
  remedies: (check) => [
    ...(textsIn(check.value).length === 0 ? [] : [`Call as ${oneOf(textsIn(check.value))}.`]),
    typeof check.given === 'string'
      ? `Add ${JSON.stringify(check.given)} to ${check.field} in ${check.document}.`
      : `Have the issuer name the agent in the token, or remove ${check.field} from ${check.document}.`,
  ],
}

const WORDINGS: Readonly<Record<RuleId, Wording>> = {
  allow: { sentence: () => 'Every rule is met', remedies: () => [] },
  'unknown-server': {
    sentence: ({ document }) => `The registry has no server ${document.slice('servers/'.length)}`,
    remedies: ({ document }) => [`Add the server: tg servers add ${document.split('/').at(-1) ?? ''}`],
  },
  tenant: {
    sentence: ({ value, given }) =>
      `The server belongs to the tenant ${shown(value)}; the caller to ${shown(given)}`,
    remedies: ({ document, field, value }) => [
      `Call with a token of the tenant ${shown(value)}.`,
      `Set ${field} to "*" in ${document}, which offers the server to every tenant.`,
    ],
  },
  disabled: {
    sentence: () => 'The server is disabled',
    remedies: ({ document, field }) => [`Set ${field} to true in ${document}.`],
  },
  'server-roles': ROLES,
  'server-agents': AGENTS,
  'tool-roles': ROLES,
  'tool-agents': AGENTS,
  'tool-scopes': {
    sentence: ({ value, given }) =>
      `The token needs the scopes ${textsIn(value).join(', ')}; it has ${listText(given, 'no scope')}`,
    remedies: (check) => [
      `Get a token with the scopes ${missing(textsIn(check.value), check.given).join(', ')}.`,
      changed(check),
    ],
  },
  'tool-held': {
    sentence: ({ given }) =>
      `The definition of the tool ${shown(given)} is new or has changed, and is not approved`,
    remedies: ({ document, value, given }) => [
      `Look at it, and approve it: tg tools diff ${toolId(document, given)}; tg tools approve ${toolId(document, given)} --expect ${shown(value)}`,
    ],
  },
  'tool-selection': {
    sentence: ({ field, value, given }) =>
      field === 'tools.exclude'
        ? `The tool ${shown(given)} is excluded by ${textsIn(value).join(', ')}`
        : `The tool ${shown(given)} is not among those that are included: ${listText(value, 'none')}`,
    remedies: ({ document, field, value, given }) => [
      field === 'tools.exclude'
        ? `Remove ${textsIn(value).join(', ')} from ${field} in ${document}.`
        : `Add ${JSON.stringify(given)} to ${field} in ${document}.`,
    ],
  },
}

/** What a rule that is not met says, in one sentence for an operator. */
export function sentenceOf(check: RuleCheck): string {
  const { document, field } = check
  return `${WORDINGS[check.ruleId].sentence(check)} (${field === '' ? document : `${document}, ${field}`}).`
}

/** What would make a rule met that is not. */
export function remediesOf(check: RuleCheck): readonly string[] {
  return WORDINGS[check.ruleId].remedies(check)
}

function toolId(document: string, name: unknown): string {
  return exposedName(document.split('/').at(-1) ?? '', shown(name))
}

function changed({ document, field }: RuleCheck): string {
  return `Change ${field} in ${document}.`
}

function rolesText(value: unknown): string {
  const all = allOf(value)
  if (all !== undefined) return `all of the roles ${all.join(', ')}`
  const any = textsIn(value)
  return any.length === 1 ? `the role ${any.join()}` : `one of the roles ${any.join(', ')}`
}

function missingRoles({ value, given }: RuleCheck): string {
  const all = allOf(value)
  return all === undefined ? rolesText(value) : `the roles ${missing(all, given).join(', ')}`
}

function missing(wanted: readonly string[], given: unknown): string[] {
  const has = textsIn(given)
  return wanted.filter((each) => !has.includes(each))
}

/** Undefined for a list of roles of which one is enough. */
function allOf(value: unknown): string[] | undefined {
  return typeof value === 'object' && value !== null && 'allOf' in value ? textsIn(value.allOf) : undefined
}

function oneOf(all: readonly string[]): string {
  return all.length === 1 ? all.join() : `one of ${all.join(', ')}`
}

function listText(value: unknown, none: string): string {
  const all = textsIn(value)
  return all.length === 0 ? none : all.join(', ')
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
