/**
 * An agent: a local model of Ollama that uses the tools of the gateway until it has an answer.
 *
 *     export TOOL_GATEWAY_TOKEN=$(npm run --silent tg -- token --roles reader)
 *     node examples/agent/agent.ts "What is 19 + 23?"
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { type Message, Ollama, type Tool } from 'ollama'

const { TOOL_GATEWAY_URL: url = 'http://127.0.0.1:8080', TOOL_GATEWAY_TOKEN: token = '' } = process.env
const { OLLAMA_HOST: host = 'http://127.0.0.1:11434', MODEL: model = 'qwen3' } = process.env
const question = process.argv[2] ?? 'Which tools do you have?'
const MAX_ROUNDS = 10

const client = new Client({ name: 'example-agent', version: '1.0.0' })
await client.connect(
  new StreamableHTTPClientTransport(new URL('/mcp', url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  }),
)
const ollama = new Ollama({ host })
const { tools } = await client.listTools()
const messages: Message[] = [{ role: 'user', content: question }]
try {
  console.log(await answer())
} finally {
  await client.close()
}

/** Asks the model, does the calls that it wants, and asks again, until it wants none. */
async function answer(): Promise<string> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const { message } = await ollama.chat({ model, messages, tools: tools.map(forModel) })
    messages.push(message)
    if (message.tool_calls === undefined || message.tool_calls.length === 0) return message.content
    for (const { function: wanted } of message.tool_calls) {
      console.log(`→ ${wanted.name} ${JSON.stringify(wanted.arguments)}`)
      messages.push({ role: 'tool', tool_name: wanted.name, content: await call(wanted) })
    }
  }
  return `There is no answer after ${MAX_ROUNDS} rounds.`
}

/** What the tool said; an error is the model's to read, too. */
async function call({ name, arguments: given }: { name: string; arguments: object }): Promise<string> {
  try {
    const { content } = await client.callTool({ name, arguments: { ...given } })
    return content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n')
  } catch (error) {
    return `The call failed: ${error instanceof Error ? error.message : String(error)}`
  }
}

function forModel({ name, description = '', inputSchema }: (typeof tools)[number]): Tool {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a JSON Schema; Ollama's type has less of it
  const parameters = inputSchema as NonNullable<Tool['function']['parameters']>
  return { type: 'function', function: { name, description, parameters } }
}
