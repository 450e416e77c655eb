import type { ServerCapabilities } from '@modelcontextprotocol/server'
import type { View } from '../catalog/view.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { serverKey } from '../domain/documents/server-definition.ts'
import type { Method } from '../calls/methods.ts'
import { SKILLS_EXTENSION } from '../calls/skills.ts'
import { type Declared, extensionOf, hasTasks, legacyTasksOf } from '../calls/tasks/task-support.ts'
import { TASKS_EXTENSION } from '../upstream/messages/client-side.ts'
import type { Era } from '../upstream/connection/connection.ts'

/** The capabilities that the gateway always declares, because servers come and go. */
const CAPABILITIES: ServerCapabilities = {
  tools: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  prompts: { listChanged: true },
  completions: {},
  logging: {},
}
const LEGACY_TASKS = { list: {}, cancel: {}, requests: { tools: { call: {} } } }

/** The capabilities that one caller can use, and the extensions that at least one of its servers has. */
export interface Abilities {
  readonly capabilities: ServerCapabilities
  readonly extensions: ReadonlySet<Method['extension']>
}

/** Cached by view: a view never changes, and there is a new one when a server declares something new. */
const known: Record<Era, WeakMap<View, Abilities>> = { legacy: new WeakMap(), modern: new WeakMap() }

/** The capabilities that a client of `era` can use at the servers of its view. */
export function abilitiesOf(view: View, era: Era, declared: Declared): Abilities {
  const before = known[era].get(view)
  if (before !== undefined) return before
  const abilities = era === 'legacy' ? legacyAbilities(view, declared) : modernAbilities(view, declared)
  known[era].set(view, abilities)
  return abilities
}

/**
 * Whether a client of `era` may use a method. Legacy sessions may always use all of theirs: the capabilities that they
 * were told at the start may be out of date.
 */
export function isAvailable(method: Method | undefined, era: Era, { extensions }: Abilities): boolean {
  if (method === undefined || !method.eras.includes(era)) return false
  return era === 'legacy' || method.extension === undefined || extensions.has(method.extension)
}

/** A session that begins before all its servers are connected must not be told that they have no tasks. */
function legacyAbilities(view: View, declared: Declared): Abilities {
  const parts = view.servers.map((server) => legacyTasksOf(declared, serverKey(server))).filter(isJsonObject)
  const tasks = view.missing.length > 0 ? LEGACY_TASKS : commonTasks(parts)
  const skills = skillsOf(view, declared)
  return {
    extensions: new Set(),
    capabilities: {
      ...CAPABILITIES,
      ...(tasks !== undefined && { tasks }),
      ...(skills !== undefined && { extensions: { [SKILLS_EXTENSION]: skills } }),
    },
  }
}

/** The capability `tasks`, with everything that at least one server declares. */
function commonTasks(parts: readonly JsonObject[]): ServerCapabilities['tasks'] {
  if (parts.length === 0) return undefined
  const { requests } = LEGACY_TASKS
  return {
    ...(parts.some(({ list }) => isJsonObject(list)) && { list: {} }),
    ...(parts.some(({ cancel }) => isJsonObject(cancel)) && { cancel: {} }),
    requests,
  }
}

function modernAbilities(view: View, declared: Declared): Abilities {
  const withTasks = view.servers.some((server) => hasTasks(declared, serverKey(server), 'modern'))
  const skills = skillsOf(view, declared)
  const extensions = {
    ...(withTasks && { [TASKS_EXTENSION]: {} }),
    ...(skills !== undefined && { [SKILLS_EXTENSION]: skills }),
  }
  return {
    extensions: new Set([
      ...(withTasks ? (['tasks'] as const) : []),
      ...(skills !== undefined ? (['skills'] as const) : []),
    ]),
    capabilities: { ...CAPABILITIES, ...(Object.keys(extensions).length > 0 && { extensions }) },
  }
}

function skillsOf(view: View, declared: Declared): { directoryRead?: true } | undefined {
  const parts = view.servers
    .map((server) => extensionOf(declared, serverKey(server), SKILLS_EXTENSION))
    .filter(isJsonObject)
  if (parts.length === 0) return undefined
  return parts.some((part) => part['directoryRead'] === true) ? { directoryRead: true } : {}
}
