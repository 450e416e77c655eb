import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  fromJsonSchema,
  McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { ASKING_TOOLS } from './asking-tools.ts'
import { CONTENT_TOOLS } from './content-tools.ts'
import { INPUT_REQUIRED_TOOLS } from './input-required-tools.ts'
import { addPrompts } from './prompts.ts'
import { addResources } from './resources.ts'
import { SCHEMA_TOOLS } from './schema-tools.ts'
import { TASK_TOOLS, tasks } from './task-tools.ts'
import { roundState, type Tool } from './tool.ts'

/** What all servers of one endpoint have in common: their lists grow and shrink together. */
export interface Shared {
  hasExtraTool: boolean
  hasExtraPrompt: boolean
  readonly changeTools: () => void
  readonly changePrompts: () => void
}

export interface Everything {
  readonly server: McpServer
  /** Brings its lists in line with what is shared, and tells its client if they changed. */
  readonly refresh: () => void
}

/** Checked by the SDK, published as they are; compiled once, because 2026-07-28 takes a new server for each request. */
const TOOLS = [
  ...CONTENT_TOOLS,
  ...ASKING_TOOLS,
  ...INPUT_REQUIRED_TOOLS,
  ...SCHEMA_TOOLS,
  ...TASK_TOOLS,
].map((tool) => ({
  ...tool,
  inputSchema: fromJsonSchema<Record<string, unknown>>(tool.inputSchema ?? { type: 'object' }),
}))

/** One server that fulfils the contract of the conformance suite, for one session or for one request. */
export function everythingServer(shared: Shared): Everything {
  const server = new McpServer(
    { name: 'everything', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
      requestState: { verify: (state, context) => roundState.verify(state, context) },
    },
  )
  for (const tool of TOOLS) addTool(server, tool, shared)
  const extraTool = server.registerTool('test_extra_tool', { description: 'Comes and goes.' }, () => ({
    content: [],
  }))
  tasks.serve(server)
  addResources(server)
  addPrompts(server)
  const extraPrompt = server.registerPrompt('test_extra_prompt', { description: 'Comes and goes.' }, () => ({
    messages: [],
  }))
  const refresh = (): void => {
    if (extraTool.enabled !== shared.hasExtraTool) extraTool.update({ enabled: shared.hasExtraTool })
    if (extraPrompt.enabled !== shared.hasExtraPrompt) extraPrompt.update({ enabled: shared.hasExtraPrompt })
  }
  refresh()
  server.server.setRequestHandler('resources/subscribe', () => ({}))
  server.server.setRequestHandler('resources/unsubscribe', () => ({}))
  server.server.setRequestHandler('completion/complete', ({ params }) => {
    const values = ['test', 'testing'].filter((word) => word.startsWith(params.argument.value))
    return { completion: { values, total: values.length, hasMore: false } }
  })
  return { server, refresh }
}

type CompiledTool = Omit<Tool, 'inputSchema'> & {
  readonly inputSchema: ReturnType<typeof fromJsonSchema<Record<string, unknown>>>
}

function addTool(server: McpServer, { name, run, ...config }: CompiledTool, shared: Shared): void {
  server.registerTool(name, config, (args, context) =>
    run({
      args,
      context,
      client: clientCapabilities(server, context),
      changeTools: shared.changeTools,
      changePrompts: shared.changePrompts,
    }),
  )
}

function clientCapabilities(server: McpServer, { mcpReq }: ServerContext): ClientCapabilities {
  const envelope: Record<string, unknown> | undefined = mcpReq.envelope
  const inRequest = envelope?.[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined
  return inRequest ?? server.server.getClientCapabilities() ?? {}
}
