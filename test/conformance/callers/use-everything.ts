import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { plausibleAnswer, plausibleArguments } from './plausible.ts'

export type CallerEra = 'legacy' | 'modern'

type Fields = Record<string, unknown>

/** Arguments that a scenario wants its tools to be called with. */
export type WantedCalls = readonly { readonly name: string; readonly arguments: Fields }[]

type Attempt = (use: Promise<unknown>) => Promise<void>

const TOOL_WITH_SCHEMA = 'json_schema_2020_12_tool'

/**
 * Connects a client, lists what there is, and uses each thing once.
 *
 * @returns what did not work: that is a part of some scenarios
 */
export async function useEverything(options: {
  url: string
  token?: string
  era: CallerEra
  wanted: WantedCalls
}): Promise<string[]> {
  const { token } = options
  const client = newClient(options.era)
  const transport = new StreamableHTTPClientTransport(
    new URL(options.url),
    token === undefined ? {} : { authProvider: { token: () => Promise.resolve(token) } },
  )
  const failures: string[] = []
  const attempt: Attempt = async (use) => {
    try {
      await use
    } catch (error) {
      failures.push(String(error))
    }
  }
  await client.connect(transport)
  try {
    const capabilities = client.getServerCapabilities() ?? {}
    if (capabilities.tools !== undefined) await useTools(client, options.wanted, attempt)
    if (capabilities.resources !== undefined) {
      const { resources } = await client.listResources()
      for (const { uri } of resources) await attempt(client.readResource({ uri }))
    }
    if (capabilities.prompts !== undefined) {
      const { prompts } = await client.listPrompts()
      for (const { name } of prompts) await attempt(client.getPrompt({ name }))
    }
  } finally {
    await client.close()
  }
  return failures
}

function newClient(era: CallerEra): Client {
  const client = new Client(
    { name: 'caller', version: '1' },
    {
      capabilities: { elicitation: { form: { applyDefaults: true } }, sampling: {}, roots: {} },
      ...(era === 'modern' && { versionNegotiation: { mode: { pin: '2026-07-28' } } }),
    },
  )
  client.setRequestHandler('elicitation/create', ({ params }) => ({
    action: 'accept' as const,
    content:
      'requestedSchema' in params
        ? (plausibleAnswer(params.requestedSchema) as { [key: string]: string })
        : {},
  }))
  client.setRequestHandler('sampling/createMessage', () => ({
    model: 'none',
    role: 'assistant' as const,
    content: { type: 'text' as const, text: 'text' },
  }))
  client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///workspace' }] }))
  return client
}

async function useTools(client: Client, wanted: WantedCalls, attempt: Attempt): Promise<void> {
  const { tools } = await client.listTools()
  const schema = tools.find(({ name }) => name === TOOL_WITH_SCHEMA)?.inputSchema
  for (const { name, inputSchema } of tools) {
    const calls = wanted.filter((call) => call.name === name)
    const made = { ...plausibleArguments(inputSchema), ...(schema !== undefined && { schema }) }
    for (const { arguments: args } of calls.length > 0 ? calls : [{ arguments: made }]) {
      await attempt(client.callTool({ name, arguments: args }))
    }
  }
}
