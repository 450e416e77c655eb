import { Command } from 'commander'
import { CliError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { leaveForGateway } from './left-act.ts'

/** `audit key`: what auditors verify checkpoints with. */
export function keyCommand({ env, print }: CliContext): Command {
  return new Command('key')
    .description(
      'print the public key of the checkpoints of this installation, for `audit verify --public-key`',
    )
    .option(
      '--rotate',
      'make a new key in DATA_DIR; the one before introduces it. Restart the gateway afterwards',
    )
    .action(async ({ rotate }: { rotate?: boolean }) => {
      const { readVerifierKeys, rotateSigningKey } = await import('../../audit/chain/signing-keys.ts')
      const { settingsFrom } = await import('../settings.ts')
      const settings = settingsFrom(env)
      if (rotate === true && settings.auditSigningKey !== undefined)
        throw new CliError(
          'config',
          'the key is in AUDIT_SIGNING_KEY: set a new one there, and this one as AUDIT_SIGNING_KEY_PREVIOUS',
        )
      if (rotate === true) {
        await rotateSigningKey(settings.dataDir)
        await leaveForGateway(settings.dataDir, {
          action: 'audit-key.rotate',
          tenantId: settings.defaultTenant,
          name: 'audit-signing.key',
          change: {},
        })
      }
      const [key] = await readVerifierKeys(settings)
      if (key === undefined)
        throw new CliError(
          'config',
          `there is no key yet: the first start of the gateway makes it in ${settings.dataDir}`,
        )
      print(`${key}\n`)
    })
}
