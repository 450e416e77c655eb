import {
  type ConversationKind,
  type ConversationOptions,
  openConversation,
  type RawConversation,
  type RawMessage,
} from './raw-conversation.ts'
import { type Documents, startTestGateway, type TestGateway } from './start-gateway.ts'
import { legacyTasks, modernTasks, type TaskUpstream } from './upstreams/task-server.ts'

type Fields = Record<string, unknown>

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'
/** What a legacy client adds to a call that it wants to run as a task. */
export const TASK = { ttl: 60_000 }
/** The error for every handle that leads its caller nowhere. */
export const UNKNOWN_TASK = {
  code: -32602,
  message: 'Unknown task',
  data: { code: 'task_not_found', retryable: false },
}

/** A gateway in front of two servers with tasks, `legacy` and `modern`, for all tenants. */
export interface TaskWorld {
  readonly legacy: TaskUpstream
  readonly modern: TaskUpstream
  readonly gateway: TestGateway
  /** Opens a conversation that is closed by `closeConversations`; a modern one declares the extension. */
  readonly converse: (
    kind: ConversationKind,
    who?: Parameters<TestGateway['token']>[0],
    options?: ConversationOptions,
  ) => Promise<RawConversation>
  /** Edits the rules for the tools of the legacy server. */
  readonly setLegacyTools: (tools: Fields) => Promise<void>
  readonly closeConversations: () => Promise<void>
  readonly close: () => Promise<void>
}

/** @param fields of the document of the legacy server */
export async function startTaskWorld(fields: Fields = {}): Promise<TaskWorld> {
  const legacy = await legacyTasks()
  const modern = await modernTasks()
  const documents = (tools: Fields): Documents => {
    const common = { transport: 'streamable-http', tenantId: '*' }
    return {
      legacy: { ...common, url: legacy.http.url, tools, ...fields },
      modern: { ...common, url: modern.http.url },
    }
  }
  const gateway = await startTestGateway(documents({}))
  const open: RawConversation[] = []
  return {
    legacy,
    modern,
    gateway,
    converse: async (kind, who = {}, options = {}) => {
      const opened = await openConversation(kind, gateway.url, await gateway.token(who), {
        ...(kind.startsWith('modern') && { capabilities: { extensions: { [TASKS_EXTENSION]: {} } } }),
        ...options,
      })
      open.push(opened)
      return opened
    },
    setLegacyTools: (tools) => gateway.writeRegistry(documents(tools)),
    closeConversations: async () => {
      await Promise.all(open.splice(0).map((opened) => opened.close()))
    },
    close: async () => {
      await gateway.close()
      await Promise.all([legacy.http.close(), modern.http.close()])
    },
  }
}

let lastId = 0

/** One request with an id of its own. */
export function ask(client: RawConversation, method: string, params: Fields): Promise<RawMessage> {
  return client.call((lastId += 1), method, params)
}

/** A member of a result that is an object. */
export function part(message: RawMessage, member: string): Fields {
  const value = message.result?.[member]
  if (typeof value !== 'object' || value === null)
    throw new Error(`no ${member} in ${JSON.stringify(message)}`)
  return value as Fields
}

/** The task that a server made last, under its own id. */
export function newest({ tasks }: TaskUpstream): string {
  return [...tasks.keys()].at(-1) ?? ''
}

/** Starts a task of the legacy server and gives its handle. */
export async function legacyTask(client: RawConversation, name = 'legacy_slow'): Promise<string> {
  const answer = await ask(client, 'tools/call', { name, arguments: {}, task: TASK })
  return String(part(answer, 'task')['taskId'])
}

/** Starts a task of the modern server and gives its handle. */
export async function modernTask(client: RawConversation, name = 'modern_slow'): Promise<string> {
  const { result } = await ask(client, 'tools/call', { name, arguments: {} })
  return String(result?.['taskId'])
}
