import { Command } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import {
  type AddressOptions,
  addressOf,
  asJson,
  type CliContext,
  printList,
  withAddress,
} from '../context.ts'
import { ask, objectsIn } from '../client/rest-client.ts'

type ListOptions = AddressOptions & { tenant?: boolean }
type DisconnectOptions = AddressOptions & { subject?: string }

/** `connections list`, `connect` and `disconnect` against a running gateway. */
export function connectionsCommand(context: CliContext): Command {
  return new Command('connections')
    .description('show, connect and disconnect your accounts at servers')
    .addCommand(listCommand(context))
    .addCommand(connectCommand(context))
    .addCommand(disconnectCommand(context))
}

function listCommand(context: CliContext): Command {
  const command = new Command('list')
    .description('list your accounts at servers, and the servers where you can connect one')
    .option('--tenant', 'list who of the tenant is connected where (operators only)')
  return withAddress(command).action(async (options: ListOptions) => {
    const ofTenant = options.tenant === true
    const path = ofTenant ? '/v1/connections?of=tenant' : '/v1/connections'
    const answer = await ask(addressOf(options, context), 'GET', path)
    printList(context, options, {
      value: answer,
      rows: objectsIn(answer['connections']).map(row),
      none: ofTenant
        ? 'no account of the tenant is connected'
        : 'there is no server where you can connect an account',
    })
  })
}

function connectCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('connect')
    .description('print the link to connect your account at a server, valid for ten minutes')
    .argument('<server>', 'name of the server')
  return withAddress(command).action(async (server: string, options: AddressOptions) => {
    const answer = await ask(addressOf(options, context), 'POST', pathOf(server))
    print(options.json === true ? asJson(answer) : `${String(answer['url'])}\n`)
  })
}

function disconnectCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('disconnect')
    .description('disconnect your account at a server, and revoke its tokens there')
    .argument('<server>', 'name of the server')
    .option('--subject <subject>', 'whose account (operators only; default: your own)')
  return withAddress(command).action(async (server: string, options: DisconnectOptions) => {
    const query =
      options.subject === undefined ? '' : `?${new URLSearchParams({ subject: options.subject }).toString()}`
    const answer = await ask(addressOf(options, context), 'DELETE', `${pathOf(server)}${query}`)
    const revoked =
      answer['revoked'] === true ? 'its tokens are revoked' : 'its tokens could not be revoked there'
    print(options.json === true ? asJson(answer) : `${server} is disconnected; ${revoked}\n`)
  })
}

function pathOf(server: string): string {
  return `/v1/connections/${encodeURIComponent(server)}`
}

function row({ server, subject, state, account, since, lastUse }: JsonObject): string[] {
  return [
    String(server),
    ...(typeof subject === 'string' ? [subject] : []),
    String(state).replace('_', ' '),
    typeof account === 'string' ? account : '-',
    typeof since === 'string' ? `since ${since}` : '-',
    typeof lastUse === 'string' ? `last used ${lastUse}` : '-',
  ]
}
