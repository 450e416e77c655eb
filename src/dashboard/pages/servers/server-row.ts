import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Part } from '../../../domain/text/html.ts'
import { state } from '../../markup/parts.ts'
import { amount, object, rows, text, texts } from '../../visit/reading.ts'
import { ALL_TENANTS } from '../../../domain/principal.ts'

/** A server as REST shows it to operators. */
export interface ServerRow {
  readonly name: string
  /** Whether it is a server for all tenants. */
  readonly isForAll: boolean
  readonly transport: string
  readonly description: string | undefined
  readonly isEnabled: boolean
  readonly state: string
  readonly reason: string | undefined
  readonly since: string | undefined
  readonly breaker: string | undefined
  readonly instances: readonly JsonObject[]
  readonly tools: number | undefined
  readonly resources: number | undefined
  readonly prompts: number | undefined
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
  /** Without secrets; empty in lists. */
  readonly document: JsonObject
}

/** Reads a server out of an answer of REST. */
export function serverRow(shown: JsonObject): ServerRow {
  return {
    name: text(shown['name']) ?? '',
    isForAll: shown['tenantId'] === ALL_TENANTS,
    transport: text(shown['transport']) ?? '',
    description: text(shown['description']),
    isEnabled: shown['enabled'] !== false,
    state: text(shown['state']) ?? 'stopped',
    reason: text(shown['reason']),
    since: text(shown['since']),
    breaker: text(shown['breaker']),
    instances: rows(shown['instances']),
    tools: amount(shown['tools']),
    resources: amount(shown['resources']),
    prompts: amount(shown['prompts']),
    problems: problemTexts(shown['problems']),
    warnings: texts(shown['warnings']),
    document: object(shown['document']),
  }
}

/** The state of a server in words: a disabled one is not simply stopped. */
export function stateOfServer({ state: name, isEnabled }: Pick<ServerRow, 'state' | 'isEnabled'>): Part {
  return isEnabled ? state(name) : state('disabled', 'calm')
}

/** Whether somebody should look at it. */
export function needsAttention({ state: name, breaker, isEnabled }: ServerRow): boolean {
  return isEnabled && (name === 'failed' || name === 'backing_off' || breaker === 'open')
}

/** Starts after the first one, of all its instances. */
export function restartsOf({ instances }: ServerRow): number {
  return instances.reduce((sum, { restarts }) => sum + (amount(restarts) ?? 0), 0)
}

/** `2 of 3 ready`. */
export function instancesText({ instances }: ServerRow): Part {
  if (instances.length === 0) return html`<span class="muted">none</span>`
  const ready = instances.filter(
    (instance) => instance['state'] === 'ready' && instance['health'] !== 'unhealthy',
  )
  return `${ready.length} of ${instances.length} ready`
}

/** The roles of which callers need one, or all. */
export function rolesOf({ requiredRoles }: JsonObject): string {
  const all = texts(object(requiredRoles)['allOf'])
  if (all.length > 0) return all.join(' and ')
  return texts(requiredRoles).join(' or ') || 'any'
}

/** The agents that may use it. */
export function agentsOf({ agentAllowlist }: JsonObject): string {
  if (!Array.isArray(agentAllowlist)) return 'any'
  return texts(agentAllowlist).join(', ') || 'none'
}

/** Where the pages of a server are. */
export function serverPath({ name, isForAll }: Pick<ServerRow, 'name' | 'isForAll'>, more = ''): string {
  return `/dashboard/servers/${name}${more}${isForAll ? '?tenantId=*' : ''}`
}

function problemTexts(value: unknown): readonly string[] {
  return Array.isArray(value)
    ? value.map((each: unknown) => (typeof each === 'string' ? each : JSON.stringify(each)))
    : []
}
