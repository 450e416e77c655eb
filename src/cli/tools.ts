import { Command, InvalidArgumentError } from 'commander'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { printableLine } from '../domain/text/printable.ts'
import { CliError } from './cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from './context.ts'
import { ask, askAll, type GatewayAddress, objectsIn } from './client/rest-client.ts'
import { rolesText } from './servers/server-state.ts'
import { rolesIn } from './client/token-advice.ts'

/** `tools list` and `tools call` against a running gateway. */
export function toolsCommand(context: CliContext): Command {
  return new Command('tools')
    .description('list and call tools of a running gateway')
    .addCommand(listCommand(context))
    .addCommand(callCommand(context))
}

function listCommand(context: CliContext): Command {
  const { print, printError } = context
  const command = new Command('list')
    .description('list the tools that the token may use')
    .option('--server <name>', 'only tools of this server')
    .option('--query <words>', 'only tools that mention every word')
  return withAddress(command).action(
    async (options: AddressOptions & { server?: string; query?: string }) => {
      const query = new URLSearchParams()
      if (options.server !== undefined) query.set('server', options.server)
      if (options.query !== undefined) query.set('query', options.query)
      const address = addressOf(options, context)
      const { items: tools, page } = await askAll(address, '/v1/tools', query, 'tools')
      if (tools.length === 0) printError(await whyEmpty(address, options))
      for (const line of unavailableLines(page)) printError(line)
      const rows = tools.map((tool) => [String(tool['id']), firstLine(tool['description'])])
      print(options.json === true ? asJson(tools) : rowsFor(context, rows, ['NAME', 'DESCRIPTION']))
    },
  )
}

function callCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('call')
    .description('call a tool; exits with 1 if the tool reports an error')
    .argument('<name>', 'name of the tool, as `tools list` shows it')
    .option('--args <json>', 'the arguments, a JSON object', jsonObject, {})
  return withAddress(command).action(async (name: string, options: AddressOptions & { args: JsonObject }) => {
    const path = `/v1/tools/${encodeURIComponent(name)}`
    const result = await ask(addressOf(options, context), 'POST', path, { arguments: options.args })
    print(options.json === true ? asJson(result) : contentText(result))
    if (result['isError'] === true) throw new CliError('failed', `${name} reported an error`)
  })
}

/** What is known of the reason for a list without tools: mostly the token has not the roles. */
async function whyEmpty(
  address: GatewayAddress,
  options: { server?: string; query?: string },
): Promise<string> {
  const { token = '' } = await address.sent()
  const roles = rolesIn(token)
  const which = options.server !== undefined || options.query !== undefined ? ' that match' : ''
  const lines = [
    `no tools${which} for this token, which has ${roles.length === 0 ? 'no roles' : `the roles ${roles.join(', ')}`}`,
    ...(await serversText(address)),
  ]
  return `${lines.join('\n')}\n`
}

/** The servers with what they ask of callers, where the token may see that. */
async function serversText(address: GatewayAddress): Promise<string[]> {
  const answer = await ask(address, 'GET', '/v1/servers').catch(() => undefined)
  if (answer === undefined) return ['servers may ask for other roles; an operator can see them: servers list']
  const servers = objectsIn(answer['servers'])
  if (servers.length === 0) return ['there are no servers']
  return servers.map((server) => {
    const roles = rolesText(server)
    const needs = roles === '' ? '' : `, needs ${roles}`
    return `  ${String(server['name'])}: ${String(server['state'])}${needs}`
  })
}

function unavailableLines({ missingServers, staleServers }: JsonObject): string[] {
  return [
    ...namedLine(missingServers, 'missing from the list, because they are unavailable'),
    ...namedLine(staleServers, 'listed as last seen, because they are unavailable'),
  ]
}

function namedLine(servers: unknown, what: string): string[] {
  return Array.isArray(servers) && servers.length > 0 ? [`${what}: ${servers.map(String).join(', ')}\n`] : []
}

/** The first line with text; some descriptions begin with line breaks. */
function firstLine(text: unknown): string {
  return typeof text === 'string' ? printableLine(text.trimStart().split('\n', 1)[0] ?? '') : ''
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
