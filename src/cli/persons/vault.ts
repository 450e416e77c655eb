import { Command } from 'commander'
import { ask } from '../client/rest-client.ts'
import { type AddressOptions, addressOf, asJson, type CliContext, withAddress } from '../context.ts'

/** `vault rotate` against a running gateway. */
export function vaultCommand(context: CliContext): Command {
  return new Command('vault')
    .description('the vault with the tokens of accounts at servers')
    .addCommand(rotateCommand(context))
}

function rotateCommand(context: CliContext): Command {
  const { print } = context
  const command = new Command('rotate').description(
    'encrypt every entry of the vault with new keys, while it is in use (platform administrators only)',
  )
  return withAddress(command).action(async (options: AddressOptions) => {
    const answer = await ask(addressOf(options, context), 'POST', '/v1/vault/rotate')
    const { rotated, unopened } = answer
    const rest =
      unopened === 0
        ? ''
        : `; ${String(unopened)} cannot be opened with the present keys, and stay as they were`
    print(
      options.json === true
        ? asJson(answer)
        : `${String(rotated)} entries are encrypted with new keys${rest}\n`,
    )
  })
}
