import { Command } from 'commander'
import { printableLine } from '../../domain/text/printable.ts'
import { CliError } from '../cli-error.ts'
import { ask } from '../client/rest-client.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, withAddress } from '../context.ts'

/** `audit erase`: what is personal in the records of a person, against a running gateway. */
export function eraseCommand(context: CliContext): Command {
  const command = new Command('erase')
    .description(
      'erase what is personal in the records of a person (roles auditor and operator); `verify` still holds',
    )
    .argument('<subject>', 'the person, as `subject` in the records')
    .option('--yes', 'do not ask')
  return withAddress(command).action(async (subject: string, options: AddressOptions & { yes?: boolean }) => {
    const question = `Erase ${printableLine(subject)} from all records up to now? This cannot be undone.`
    if (options.yes !== true && (await context.confirm?.(question)) !== true)
      throw new CliError('usage', 'nothing was erased: confirm it, or pass --yes')
    const path = `/v1/audit/persons/${encodeURIComponent(subject)}`
    const answer = await ask(addressOf(options, context), 'DELETE', path)
    const text = `erased ${printableLine(subject)} from ${String(answer['erased'])} records; recorded as ${String(answer['record'])}\n`
    context.print(options.json === true ? asJson(answer) : text)
  })
}
