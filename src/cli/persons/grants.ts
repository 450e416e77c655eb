import { Command } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { ask, objectsIn } from '../client/rest-client.ts'
import {
  type AddressOptions,
  addressOf,
  asJson,
  type CliContext,
  printList,
  withAddress,
} from '../context.ts'

type GrantOptions = AddressOptions & { subject?: string; client?: string }

const HEADER = ['grant', 'subject', 'client', 'agent', 'address', 'last used']

const CLIENT_HEADER = ['client', 'name', 'agent', 'state', 'asked by', 'decided by']

/** `grants list`, `revoke`, `clients`, `approve` and `deny` against a running gateway. */
export function grantsCommand(context: CliContext): Command {
  return new Command('grants')
    .description('show and end what people allowed MCP clients')
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context))
    .addCommand(clientsCommand(context))
    .addCommand(
      decideCommand(context, 'approve', 'approved', 'approve a client for all people of the tenant'),
    )
    .addCommand(decideCommand(context, 'deny', 'denied', 'deny a client to the tenant, and end its grants'))
}

function clientsCommand(context: CliContext): Command {
  const command = new Command('clients').description(
    'list the clients that people want to use, and what operators said of them (operators only)',
  )
  return withAddress(command).action(async (options: AddressOptions) => {
    const answer = await ask(addressOf(options, context), 'GET', '/v1/clients')
    const rows = objectsIn(answer['clients']).map(clientRow)
    printList(context, options, {
      value: answer,
      rows,
      header: CLIENT_HEADER,
      none: 'no client has been asked for',
    })
  })
}

function decideCommand(context: CliContext, name: string, state: string, description: string): Command {
  const { print } = context
  const command = new Command(name)
    .description(`${description} (operators only)`)
    .argument('<client>', 'the client id, as grants clients shows it')
  return withAddress(command).action(async (clientId: string, options: AddressOptions) => {
    const path = `/v1/clients/${encodeURIComponent(clientId)}`
    const answer = await ask(addressOf(options, context), 'PUT', path, { state })
    print(options.json === true ? asJson(answer) : `${String(answer['clientName'])} is ${state}\n`)
  })
}

function clientRow({ clientId, clientName, agent, state, askedBy, decidedBy }: JsonObject): string[] {
  return [clientId, clientName, agent, state, askedBy, decidedBy].map((value) =>
    typeof value === 'string' ? value : '-',
  )
}

function listCommand(context: CliContext): Command {
  const command = new Command('list').description('list grants: yours, or as an operator those of the tenant')
  return withFilter(command).action(async (options: GrantOptions) => {
    const grants: JsonObject[] = []
    let cursor: unknown
    do {
      const answer = await ask(addressOf(options, context), 'GET', pathOf(options, cursor))
      grants.push(...objectsIn(answer['grants']))
      cursor = answer['nextCursor']
    } while (typeof cursor === 'string')
    printList(context, options, {
      value: { grants },
      rows: grants.map(row),
      header: HEADER,
      none: 'there are no grants',
    })
  })
}

function revokeCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('revoke')
    .description('end a grant, or all of a person or client: its tokens are refused, and its sessions end')
    .argument('[id]', 'the grant')
  return withFilter(command).action(async (id: string | undefined, options: GrantOptions) => {
    const isFiltered = options.subject !== undefined || options.client !== undefined
    if ((id === undefined) !== isFiltered)
      throw new CliError('usage', 'expected the id of a grant, or --subject, --client or both')
    const path = id === undefined ? pathOf(options) : `/v1/grants/${encodeURIComponent(id)}`
    const answer = await ask(addressOf(options, context), 'DELETE', path)
    const revoked = id === undefined ? Number(answer['revoked']) : 1
    print(
      options.json === true
        ? asJson({ revoked })
        : `${revoked} ${revoked === 1 ? 'grant' : 'grants'} revoked\n`,
    )
  })
}

function withFilter(command: Command): Command {
  return withAddress(
    command
      .option('--subject <name>', 'those of this person')
      .option('--client <id>', 'those of this client'),
  )
}

function pathOf({ subject, client }: GrantOptions, cursor?: unknown): string {
  const query = new URLSearchParams()
  if (subject !== undefined) query.set('subject', subject)
  if (client !== undefined) query.set('clientId', client)
  if (typeof cursor === 'string') query.set('cursor', cursor)
  return query.size === 0 ? '/v1/grants' : `/v1/grants?${query.toString()}`
}

function row({ id, subject, clientName, agent, resources, lastUsedAt }: JsonObject): string[] {
  const address = Array.isArray(resources) ? resources.map(String).join(', ') : ''
  return [String(id), String(subject), String(clientName), String(agent), address, String(lastUsedAt)]
}
