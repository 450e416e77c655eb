import { Command } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, withAddress } from '../context.ts'
import { ask, objectsIn } from '../client/rest-client.ts'
import { pathOf } from './server-state.ts'
import { aligned } from '../table.ts'

const ARROWS: Readonly<Record<string, string>> = { sent: '->', received: '<-', note: '--' }

interface InspectOptions extends AddressOptions {
  readonly tenant?: string
  readonly messages?: boolean
}

/** `servers inspect NAME`: what happens when a connection to a server is opened. */
export function inspectCommand(context: CliContext): Command {
  const command = new Command('inspect')
    .description(
      'open a separate connection to a server and show each step with its duration (role operator)',
    )
    .argument('<name>', 'the server')
    .option('--messages', 'show full messages')
    .option('--tenant <id>', "'*' for a server of all tenants")
  return withAddress(command)
    .addHelpText(
      'after',
      `
For a stdio server, a second process is started. Values of env, headers, auth and secrets are redacted.
Exit codes: 0 it works; 1 it does not; 2 no gateway answers; 77 the token does not allow it.`,
    )
    .action(async (name: string, options: InspectOptions) => {
      const found = await ask(addressOf(options, context), 'POST', pathOf(name, options, 'inspect'))
      if (options.json === true) context.print(asJson(found))
      else context.print(textOf(found, options.messages === true))
      if (found['isOk'] !== true)
        throw new CliError('failed', `${name} does not work: ${String(found['error'])}`)
    })
}

function textOf(found: JsonObject, hasMessages: boolean): string {
  const steps = objectsIn(found['transcript']).map((entry) => {
    const { atMs, what, text, tookMs, message } = entry
    const took = typeof tookMs === 'number' ? ` (${tookMs} ms)` : ''
    const shown = hasMessages || isError(message) ? `  ${JSON.stringify(message ?? '')}` : ''
    return [`${String(atMs)} ms`, ARROWS[String(what)] ?? '', `${String(text)}${took}${shown}`]
  })
  const output = objectsIn(found['output']).map(
    ({ pid, by, text }) => `  ${String(pid)} ${by === 'gateway' ? '-- ' : ''}${String(text)}\n`,
  )
  return [
    aligned(steps),
    ...(output.length > 0 ? ['standard error:\n', ...output] : []),
    `${outcomeOf(found)}\n`,
    ...problemsIn(found).map((problem) => `  ${problem}\n`),
  ].join('')
}

function outcomeOf(found: JsonObject): string {
  const { isOk, step, durationMs, era, protocolVersion, offers, serverInfo } = found
  if (isOk !== true) return `failed at the ${String(step)} after ${String(durationMs)} ms`
  const counts = isJsonObject(offers)
    ? Object.entries(offers).map(([kind, count]) => `${String(count)} ${kind}`)
    : []
  const info = isJsonObject(serverInfo)
    ? `${String(serverInfo['name'])} ${String(serverInfo['version'])}, `
    : ''
  return `works: ${info}${String(era)} era, revision ${String(protocolVersion)}, ${counts.join(', ')}, ${String(durationMs)} ms`
}

function problemsIn({ problems }: JsonObject): string[] {
  return Array.isArray(problems) ? problems.map(String) : []
}

function isError(message: unknown): boolean {
  return isJsonObject(message) && 'error' in message
}
