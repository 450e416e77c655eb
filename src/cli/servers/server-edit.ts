import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { DRY_RUN, simulated } from '../access/simulated.ts'
import { CliError } from '../cli-error.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, withAddress } from '../context.ts'
import { documentOfFile } from '../input/file-text.ts'
import { ask } from '../client/rest-client.ts'
import { pathOf } from './server-state.ts'

interface EditOptions extends AddressOptions {
  readonly tenant?: string
  readonly unset: string[]
  readonly dryRun?: boolean
}

/** `servers show NAME`: the document of a server, and how it does. */
export function showCommand(context: CliContext): Command {
  const command = new Command('show')
    .description('show the document of a server, without its secrets (role operator)')
    .argument('<name>', 'the server')
    .option('--tenant <id>', "'*' for a server of all tenants")
  return withAddress(command).action(async (name: string, options: EditOptions) => {
    const answer = await ask(addressOf(options, context), 'GET', pathOf(name, options))
    const { stringify } = await import('yaml')
    context.print(options.json === true ? asJson(answer) : stringify(answer['document']))
  })
}

/** `servers edit NAME field=value …`: changes fields of the document of a server. */
export function editCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  const command = new Command('edit')
    .description('change fields of the document of a server (role operator)')
    .argument('<name>', 'the server')
    .argument(
      '[changes...]',
      'field=value (dots for fields in fields, values as in YAML), or @file with the whole document',
    )
    .option(
      '--unset <field>',
      'remove a field; can be repeated',
      (field: string, before: string[]) => [...before, field],
      [],
    )
    .option('--dry-run', DRY_RUN)
    .option('--tenant <id>', "'*' for a server of all tenants")
  return withAddress(command)
    .addHelpText(
      'after',
      `
For example: servers edit tickets requiredRoles=[support] tools.delete.requiredRoles=[admin] --dry-run
Exit codes: 0 done; 1 refused, changed meanwhile, or a dry run found a difference; 2 no gateway answers; 77 the token does not allow it.`,
    )
    .action(async (name: string, changes: string[], options: EditOptions) => {
      if (changes.length + options.unset.length === 0)
        throw new CliError('usage', 'say what to change: field=value, @file, or --unset FIELD')
      const address = addressOf(options, context)
      const path = pathOf(name, options)
      const { document: stored, etag } = await ask(address, 'GET', path)
      const document = await edited(isJsonObject(stored) ? stored : {}, changes, options.unset)
      if (options.dryRun === true)
        return setExitCode(await simulated(address, [{ document }], options, context))
      const answer = await ask(address, 'PUT', path, document, { 'if-match': String(etag) })
      return context.print(options.json === true ? asJson(answer) : `changed ${name}\n`)
    })
}

async function edited(
  stored: JsonObject,
  changes: readonly string[],
  unset: readonly string[],
): Promise<JsonObject> {
  const { parse } = await import('yaml')
  let document: JsonObject = structuredClone(stored)
  for (const change of changes) {
    if (change.startsWith('@')) {
      document = await documentOfFile(change.slice(1))
      continue
    }
    const at = change.indexOf('=')
    if (at < 1) throw new CliError('usage', `${change}: expected field=value or @file`)
    set(document, change.slice(0, at).split('.'), parse(change.slice(at + 1)))
  }
  for (const field of unset) set(document, field.split('.'), undefined)
  return document
}

function set(target: JsonObject, [field = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length > 0) {
    const inner = isJsonObject(target[field]) ? target[field] : {}
    set(inner, rest, value)
    target[field] = inner
  } else if (value === undefined) {
    delete target[field]
  } else {
    target[field] = value
  }
}
