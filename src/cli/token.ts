import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { pagePath } from '../config/pages.ts'
import { LOCAL_KEY_FILE } from '../identity/local-names.ts'
import { systemClock } from '../domain/clock.ts'
import { messageOf } from '../domain/errors/errors.ts'
import { CliError } from './cli-error.ts'
import { type CliContext, listOf } from './context.ts'
import { leaveForGateway } from './audit/left-act.ts'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

interface TokenOptions {
  readonly tenant?: string
  readonly subject: string
  readonly roles: string[]
  readonly scopes: string[]
  readonly agent?: string
  readonly agents?: string[]
  readonly ttl: string
}

/** `token`: prints a token of the local issuer, and nothing else. */
export function tokenCommand({ env, print, printError }: CliContext): Command {
  return new Command('token')
    .description('print a token signed by the local issuer of the embedded mode (the keys are in DATA_DIR)')
    .option('--tenant <id>', 'tenant (default: DEFAULT_TENANT)')
    .option('--subject <name>', 'subject of the token', 'you')
    .option('--roles <list>', 'roles, separated by commas', listOf, [])
    .option('--scopes <list>', 'scopes, separated by commas', listOf, [])
    .option('--agent <name>', 'the calling agent')
    .option('--agents <list>', 'agents that x-agent-name may choose from', listOf)
    .option('--ttl <duration>', 'lifetime: a number and s, m, h or d, at most 30d', '1h')
    .action(async (options: TokenOptions) => {
      const { settingsFrom } = await import('./settings.ts')
      const { LocalIssuer } = await import('../identity/local-issuer.ts')
      const { makePrivateDirectory } = await import('../files/private-file.ts')
      const settings = settingsFrom(env)
      if (!settings.localIssuer)
        throw new CliError(
          'config',
          `the local issuer is off (see LOCAL_ISSUER and HOST in ${pagePath('config.md')})`,
        )
      await makePrivateDirectory(settings.dataDir)
      const isNew = !existsSync(join(settings.dataDir, LOCAL_KEY_FILE))
      const issuer = await LocalIssuer.open({ dir: settings.dataDir, clock: systemClock }).catch(
        (error: unknown) => {
          throw new CliError('config', messageOf(error))
        },
      )
      if (isNew) {
        printError(
          `note: no signing key was found in ${resolve(settings.dataDir)}, so a new one was created. Only a gateway with this DATA_DIR accepts the token.\n`,
        )
      }
      const { tenant = settings.defaultTenant, ttl, ...rest } = options
      const token = await issuer
        .issue({ ...rest, tenantId: tenant, ttlMs: duration(ttl) })
        .catch((error: unknown) => {
          throw new CliError('usage', messageOf(error))
        })
      const { subject, roles, scopes, agent, agents } = rest
      const given = { roles, scopes, ...(agent !== undefined && { agent }), ...(agents && { agents }), ttl }
      await leaveForGateway(settings.dataDir, {
        action: 'token.issue',
        tenantId: tenant,
        name: subject,
        change: given,
      })
      print(`${token}\n`)
    })
}

function duration(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text)
  const unitMs = UNIT_MS[match?.[2] ?? '']
  if (match === null || unitMs === undefined) {
    throw new CliError('usage', `--ttl: expected for example 90s, 15m, 1h or 7d, not ${text}`)
  }
  return Number(match[1]) * unitMs
}
