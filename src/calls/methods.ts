import type { Action, Target } from '../domain/access-policy.ts'
import type { Era } from '../upstream/connection/connection.ts'
import type { ListName } from '../upstream/discovery/listing.ts'

/** Where the parameters of a request name its target; `scope` is the addressed server itself. */
type TargetAt = 'name' | 'uri' | 'ref' | 'taskId' | 'scope'

/** What answers a request: the caller's view, the session, all servers of the view together, or one server. */
type AnsweredBy = 'view' | 'session' | 'servers' | 'server'

/** The properties of one MCP method. */
export interface Method {
  readonly name: string
  /** The eras whose clients have the method. */
  readonly eras: readonly Era[]
  /** Absent for methods that need nothing that servers declare. */
  readonly extension?: 'tasks' | 'skills'
  readonly answeredBy: AnsweredBy
  /** The list that `view` answers with. */
  readonly list?: ListName
  /** The member of the results of servers that `servers` collects, and whether also of one that is addressed alone. */
  readonly collects?: { readonly member: string; readonly isAlways: boolean }
  readonly action: Action
  /** The kind of the target; with `ref` the reference says it. */
  readonly kind: Target['kind']
  readonly targetAt: TargetAt
  /** Whether the parameters have `arguments`, which must be an object. */
  readonly hasArguments?: boolean
  /** Whether it only reads, so that it may be sent again after it may have run. */
  readonly isRead?: boolean
  /** Whether it runs a tool: it may create a task, and what the operator sets for the tool applies. */
  readonly runsTool?: boolean
  /** What of the result has URIs under the caller's own URI: the contents that were read, or a skill. */
  readonly rewrites?: 'contents' | 'skill'
  /** Whether the result may name resources, each by a URI that the caller must be able to read. */
  readonly namesResources?: boolean
  /** Whether the modern era states how long the result is fresh; `always` even if the server does not say so. */
  readonly freshness?: 'asGiven' | 'always'
}

const BOTH: readonly Era[] = ['legacy', 'modern']
const LEGACY: readonly Era[] = ['legacy']
const MODERN: readonly Era[] = ['modern']

const list = (name: string, member: ListName): Method => ({
  name,
  eras: BOTH,
  answeredBy: 'view',
  list: member,
  action: 'list',
  kind: 'server',
  targetAt: 'scope',
})
const ofSession = (name: string): Method => ({
  name,
  eras: LEGACY,
  answeredBy: 'session',
  action: 'subscribe',
  kind: 'resource',
  targetAt: 'uri',
})
const ofTask = (name: string, eras: readonly Era[], more: Partial<Method> = {}): Method => ({
  name,
  eras,
  extension: 'tasks',
  answeredBy: 'server',
  action: 'call',
  kind: 'tool',
  targetAt: 'taskId',
  ...more,
})
const ofSkill = (name: string, more: Partial<Method>): Method => ({
  name,
  eras: BOTH,
  extension: 'skills',
  answeredBy: 'server',
  action: 'read',
  kind: 'resource',
  targetAt: 'uri',
  isRead: true,
  freshness: 'always',
  ...more,
})

const ROWS = {
  toolsList: list('tools/list', 'tools'),
  toolsCall: {
    name: 'tools/call',
    eras: BOTH,
    answeredBy: 'server',
    action: 'call',
    kind: 'tool',
    targetAt: 'name',
    hasArguments: true,
    runsTool: true,
    namesResources: true,
  },
  promptsList: list('prompts/list', 'prompts'),
  promptsGet: {
    name: 'prompts/get',
    eras: BOTH,
    answeredBy: 'server',
    action: 'get',
    kind: 'prompt',
    targetAt: 'name',
    hasArguments: true,
    isRead: true,
    namesResources: true,
  },
  resourcesList: list('resources/list', 'resources'),
  templatesList: list('resources/templates/list', 'resourceTemplates'),
  resourcesRead: {
    name: 'resources/read',
    eras: BOTH,
    answeredBy: 'server',
    action: 'read',
    kind: 'resource',
    targetAt: 'uri',
    isRead: true,
    rewrites: 'contents',
    namesResources: true,
    freshness: 'asGiven',
  },
  complete: {
    name: 'completion/complete',
    eras: BOTH,
    answeredBy: 'server',
    action: 'complete',
    kind: 'prompt',
    targetAt: 'ref',
    isRead: true,
  },
  setLevel: ofSession('logging/setLevel'),
  subscribe: ofSession('resources/subscribe'),
  unsubscribe: ofSession('resources/unsubscribe'),
  tasksGet: ofTask('tasks/get', BOTH, { isRead: true, namesResources: true }),
  tasksResult: ofTask('tasks/result', LEGACY, { isRead: true, namesResources: true }),
  tasksList: ofTask('tasks/list', LEGACY, {
    answeredBy: 'servers',
    // A server's cursor may contain the id of another caller's task.
    collects: { member: 'tasks', isAlways: true },
    action: 'list',
    kind: 'server',
    targetAt: 'scope',
    isRead: true,
  }),
  tasksUpdate: ofTask('tasks/update', MODERN),
  tasksCancel: ofTask('tasks/cancel', BOTH),
  skillsList: ofSkill('skills/list', {
    answeredBy: 'servers',
    collects: { member: 'skills', isAlways: false },
    action: 'list',
    kind: 'server',
    targetAt: 'scope',
  }),
  skillsGet: ofSkill('skills/get', { rewrites: 'skill' }),
  directoryRead: ofSkill('resources/directory/read', { action: 'list', rewrites: 'skill' }),
} satisfies Record<string, Method>

/** The methods of MCP that the gateway forwards, one row each: another method takes one more row. */
export const METHODS: Readonly<Record<keyof typeof ROWS, Method>> = ROWS

/** Methods by their names. */
export type MethodTable = ReadonlyMap<string, Method>

/** Makes the table of the given rows, for look-ups by name. */
export function methodTable(rows: readonly Method[] = Object.values(METHODS)): MethodTable {
  return new Map(rows.map((row) => [row.name, row]))
}
