import { Command, InvalidArgumentError } from 'commander'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { CliError } from './cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, table, withAddress } from './context.ts'
import { ask, askAll } from './rest-client.ts'

/** `tools list` and `tools call` against a running gateway. */
export function toolsCommand(context: CliContext): Command {
  return new Command('tools')
    .description('list and call tools of a running gateway')
    .addCommand(listCommand(context))
    .addCommand(callCommand(context))
}

function listCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('list')
    .description('list the tools that the token may use')
    .option('--server <name>', 'only those of one server')
    .option('--query <words>', 'only those that mention every word')
  return withAddress(command).action(
    async (options: AddressOptions & { server?: string; query?: string }) => {
      const query = new URLSearchParams()
      if (options.server !== undefined) query.set('server', options.server)
      if (options.query !== undefined) query.set('query', options.query)
      const tools = await askAll(addressOf(options, context), '/v1/tools', query, 'tools')
      if (options.json === true) print(asJson(tools))
      else print(table(tools.map((tool) => [String(tool['id']), firstLine(tool['description'])])))
    },
  )
}

function callCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('call')
    .description('call a tool; exit code 1 when the tool says that it failed')
    .argument('<name>', 'the tool as `tools list` shows it')
    .option('--args <json>', 'the arguments, a JSON object', jsonObject, {})
  return withAddress(command).action(async (name: string, options: AddressOptions & { args: JsonObject }) => {
    const path = `/v1/tools/${encodeURIComponent(name)}`
    const result = await ask(addressOf(options, context), 'POST', path, { arguments: options.args })
    print(options.json === true ? asJson(result) : contentText(result))
    if (result['isError'] === true) throw new CliError('failed', `${name} says that it failed`)
  })
}

function firstLine(text: unknown): string {
  return typeof text === 'string' ? (text.split('\n', 1)[0] ?? '').slice(0, 100) : ''
}

/** Text blocks as they are, everything else as JSON. */
function contentText(result: JsonObject): string {
  const blocks: unknown[] = Array.isArray(result['content']) ? result['content'] : []
  if (blocks.length === 0) return asJson(result['structuredContent'] ?? {})
  return blocks
    .map((block) =>
      isJsonObject(block) && typeof block['text'] === 'string' ? `${block['text']}\n` : asJson(block),
    )
    .join('')
}

function jsonObject(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    // Falls through: both cases get the same advice.
  }
  throw new InvalidArgumentError('expected a JSON object, for example \'{"path":"hello.txt"}\'')
}
