import { Command, Option } from 'commander'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import { visible } from '../domain/text/visible.ts'
import { ask, askAll, objectsIn } from './client/rest-client.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, rowsFor, withAddress } from './context.ts'
import { CliError } from './cli-error.ts'

interface PinsOptions extends AddressOptions {
  readonly server?: string
  readonly state?: string
}

interface ApproveOptions extends AddressOptions {
  readonly expect: string
  readonly server?: string
  readonly forAll?: boolean
}

/** `tools pins`: which definitions are trusted, and which wait. */
export function pinsCommand(context: CliContext): Command {
  const { print, printError } = context
  const command = new Command('pins')
    .description('list the tools with the hashes of their definitions; those that changed wait for approval')
    .option('--server <name>', 'only tools of this server')
    .addOption(new Option('--state <state>', 'only these').choices(['waiting', 'pinned', 'changed', 'new']))
  return withAddress(command).action(async (options: PinsOptions) => {
    const query = new URLSearchParams()
    if (options.server !== undefined) query.set('server', options.server)
    if (options.state !== undefined) query.set('state', options.state)
    const { items, page } = await askAll(addressOf(options, context), '/v1/pins', query, 'pins')
    const waiting = objectsIn(page['waiting'])
    if (options.json === true) return print(asJson({ pins: items, waiting }))
    print(rowsFor(context, items.map(row), ['NAME', 'STATE', 'HASH', 'APPROVED BY']))
    for (const each of waiting) printError(waitingLine(each))
  })
}

/** `tools diff`: what is different about the definition of a tool. */
export function diffCommand(context: CliContext): Command {
  const command = new Command('diff')
    .description('show how the definition of a tool differs from the one that is trusted')
    .argument('<name>', 'name of the tool, as `tools pins` shows it')
  return withAddress(command).action(async (name: string, options: AddressOptions) => {
    const pin = await ask(addressOf(options, context), 'GET', pathOf(name))
    context.print(options.json === true ? asJson(pin) : differenceText(pin))
  })
}

/** `tools approve`: trusting exactly one definition, or all of a server that wait. */
export function approveCommand(context: CliContext): Command {
  const command = new Command('approve')
    .description('approve the definition of a tool, which must be the one with this hash')
    .argument('[name]', 'name of the tool, as `tools pins` shows it')
    .requiredOption('--expect <hash>', 'hash of the definition, as `tools diff` shows it')
    .option(
      '--server <name>',
      'approve all tools of this server that wait, by the hash that `tools pins` shows',
    )
    .option('--for-all', 'for all tenants of a server that they share (platform administrators only)')
  return withAddress(command).action(async (name: string | undefined, options: ApproveOptions) => {
    const { server, expect } = options
    if ((name === undefined) === (server === undefined))
      throw new CliError('usage', 'give either the name of a tool or --server')
    const path = name === undefined ? '/v1/pins:approve' : `${pathOf(name)}/approve`
    const query = options.forAll === true ? '?tenantId=*' : ''
    const body = { expect, ...(server !== undefined && { server }) }
    const answer = await ask(addressOf(options, context), 'POST', path + query, body)
    const { approved } = answer
    const names = Array.isArray(approved) ? approved.map(String) : [String(answer['id'])]
    context.print(
      options.json === true ? asJson(answer) : `approved ${names.join(', ') || 'nothing: no tool waits'}\n`,
    )
  })
}

function pathOf(name: string): string {
  return `/v1/pins/${encodeURIComponent(name)}`
}

function row({ id, state, isHeld, hash, approvedBy, pinnedHash }: JsonObject): string[] {
  const by = typeof approvedBy === 'string' ? approvedBy : pinnedHash === undefined ? '' : '(the first)'
  return [String(id), `${String(state)}${isHeld === true ? ', held back' : ''}`, String(hash), by]
}

function waitingLine({ server, tools, hash }: JsonObject): string {
  const count = tools === 1 ? '1 tool of' : `${String(tools)} tools of`
  return `${count} ${String(server)} to approve: tg tools approve --server ${String(server)} --expect ${String(hash)}\n`
}

function differenceText(pin: JsonObject): string {
  const { id, state, hash, pinnedAt, approvedBy, pinned } = pin
  const since = typeof pinnedAt === 'string' ? `, trusted since ${pinnedAt}` : ''
  const by = typeof approvedBy === 'string' ? ` (approved by ${visible(approvedBy)})` : ''
  const head = `${String(id)}: ${String(state)}${pin['isHeld'] === true ? ', held back' : ''}${since}${by}\n`
  if (state === 'pinned') return `${head}hash ${String(hash)}\n`
  const note =
    state === 'changed' && !isJsonObject(pinned) ? 'What it was is not kept; this is what it is now.\n' : ''
  const changes = objectsIn(pin['changes']).map(
    ({ field, lines }) =>
      `\n${String(field)}\n${Array.isArray(lines) ? lines.map((line) => `  ${String(line)}\n`).join('') : ''}`,
  )
  return `${head}${note}${changes.join('')}\nTo approve exactly this:\n  tg tools approve ${String(id)} --expect ${String(hash)}\n`
}
