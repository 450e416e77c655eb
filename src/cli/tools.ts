import { Command, InvalidArgumentError } from 'commander'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { printableLine } from '../domain/text/printable.ts'
import { argumentsIn } from './input/arguments.ts'
import { CliError } from './cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from './context.ts'
import { ask, askAll, type GatewayAddress, objectsIn } from './client/rest-client.ts'
import { approveCommand, diffCommand, pinsCommand } from './pins.ts'
import { rolesText } from './servers/server-state.ts'
import { rolesIn } from './client/token-advice.ts'

interface CallOptions extends AddressOptions {
  readonly args: JsonObject
}

/** `tools list`, `describe`, `call`, and what is trusted of tools, against a running gateway. */
export function toolsCommand(context: CliContext): Command {
  return new Command('tools')
    .description('list, call and approve tools of a running gateway')
    .addCommand(listCommand(context))
    .addCommand(describeCommand(context))
    .addCommand(callCommand(context))
    .addCommand(pinsCommand(context))
    .addCommand(diffCommand(context))
    .addCommand(approveCommand(context))
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
      if (options.json !== true) query.set('view', 'brief')
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
    .argument(
      '[arguments...]',
      'key=value, key:=JSON, key=@file, or @file with a JSON object (- for standard input)',
    )
    .option('--args <json>', 'the arguments, a JSON object', jsonObject, {})
  return withAddress(command).action(async (name: string, words: string[], options: CallOptions) => {
    const path = `/v1/tools/${encodeURIComponent(name)}`
    const address = addressOf(options, context)
    const args = words.length === 0 ? {} : await argumentsIn(words, await schemaOf(address, path))
    const result = await ask(address, 'POST', path, { arguments: { ...options.args, ...args } })
    print(options.json === true ? asJson(result) : contentText(result))
    if (result['isError'] === true) throw new CliError('failed', `${name} reported an error`)
  })
}

async function schemaOf(address: GatewayAddress, path: string): Promise<JsonObject> {
  const { inputSchema } = await ask(address, 'GET', path)
  return isJsonObject(inputSchema) ? inputSchema : {}
}

function describeCommand(context: CliContext): Command {
  const command = new Command('describe')
    .description('describe a tool: what it does, and its arguments')
    .argument('<name>', 'name of the tool, as `tools list` shows it')
  return withAddress(command).action(async (name: string, options: AddressOptions) => {
    const path = `/v1/tools/${encodeURIComponent(name)}`
    const tool = await ask(addressOf(options, context), 'GET', path)
    context.print(options.json === true ? asJson(tool) : descriptionText(tool, context))
  })
}

function descriptionText(
  { id, server, title, description, inputSchema }: JsonObject,
  context: CliContext,
): string {
  const schema = isJsonObject(inputSchema) ? inputSchema : {}
  const required: unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
  const rows = Object.entries(isJsonObject(schema['properties']) ? schema['properties'] : {}).map(
    ([name, property]) => [
      name,
      typeText(property),
      required.includes(name) ? 'required' : '',
      firstLine(isJsonObject(property) ? property['description'] : undefined),
    ],
  )
  const head = `${String(id)}${typeof title === 'string' ? ` (${title})` : ''}, of the server ${String(server)}\n`
  const text = typeof description === 'string' ? `${description.trim()}\n` : ''
  const table =
    rows.length === 0 ? 'no arguments\n' : rowsFor(context, rows, ['ARGUMENT', 'TYPE', '', 'DESCRIPTION'])
  return `${head}${text}\n${table}`
}

function typeText(property: unknown): string {
  const { type, enum: values, default: fallback } = isJsonObject(property) ? property : {}
  const kind = Array.isArray(values) ? values.map(String).join('|') : [type].flat().map(String).join('|')
  return fallback === undefined ? kind : `${kind}, default ${JSON.stringify(fallback)}`
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
    ...(await serversText(address, options.server)),
  ]
  return `${lines.join('\n')}\n`
}

/** The servers, or the one that is wanted, with what they ask of callers, where the token may see that. */
async function serversText(address: GatewayAddress, wanted: string | undefined): Promise<string[]> {
  const answer = await ask(address, 'GET', '/v1/servers').catch(() => undefined)
  if (answer === undefined) return ['servers may ask for other roles; an operator can see them: servers list']
  const servers = objectsIn(answer['servers']).filter(({ name }) => wanted === undefined || name === wanted)
  if (servers.length === 0)
    return [
      wanted === undefined
        ? 'there are no servers'
        : `no server ${wanted} is in use; to see those that are: servers list`,
    ]
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
