import { Command } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from '../context.ts'
import { ask, objectsIn } from '../client/rest-client.ts'

/** `sessions list` and `sessions end`. */
export function sessionsCommand(context: CliContext): Command {
  return new Command('sessions')
    .description('show and end the open sessions of a running gateway')
    .addCommand(listCommand(context))
    .addCommand(endCommand(context))
}

function listCommand(context: CliContext): Command {
  return withAddress(
    new Command('list').description('list your open sessions, or those of the tenant (role operator)'),
  ).action(async (options: AddressOptions) => {
    const answer = await ask(addressOf(options, context), 'GET', '/v1/sessions')
    const sessions = objectsIn(answer['sessions'])
    if (sessions.length === 0) context.printError('no session is open at this replica\n')
    const header = ['SESSION', 'TRANSPORT', 'SUBJECT', 'AGENT', 'FROM', 'ROLES', 'IDLE']
    context.print(options.json === true ? asJson(answer) : rowsFor(context, sessions.map(rowOf), header))
  })
}

function endCommand(context: CliContext): Command {
  return withAddress(
    new Command('end')
      .description('end an open session; its client may open another')
      .argument('<session>', 'the session, as `sessions list` shows it'),
  ).action(async (id: string, options: AddressOptions) => {
    await ask(addressOf(options, context), 'DELETE', `/v1/sessions/${encodeURIComponent(id)}`)
    context.print(options.json === true ? asJson({ ended: id }) : `ended ${id}\n`)
  })
}

function rowOf({ id, transport, subject, agent, address, roles, idleMs }: JsonObject): string[] {
  const idle = Number(idleMs)
  return [
    String(id),
    String(transport),
    String(subject),
    typeof agent === 'string' ? agent : '',
    typeof address === 'string' ? address : '',
    Array.isArray(roles) ? roles.map(String).join(',') : '',
    idle === 0 ? 'connected' : `${Math.round(idle / 1000)} s`,
  ]
}
