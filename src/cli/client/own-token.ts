import { access } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { LocalIssuer } from '../../identity/local-issuer.ts'
import { TERMINAL_AGENT } from '../../identity/in-person.ts'
import { LOCAL_KEY_FILE } from '../../identity/local-names.ts'
import { systemClock } from '../../domain/clock.ts'
import { messageOf } from '../../domain/errors/errors.ts'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** A token that was signed here, or the reason why there is none. */
export type OwnToken =
  | { readonly token: string; readonly keyFile: string; readonly roles: readonly string[] }
  | { readonly reason: string }

/**
 * Signs a token for a gateway on this machine with the key in its data directory. It has the rights that an operator
 * needs, because a user that can read the key may do everything anyway. Creates no key, and never rejects.
 */
export async function ownToken(url: string, env: NodeJS.ProcessEnv, ttlMs: number): Promise<OwnToken> {
  if (!LOOPBACK.test(new URL(url).hostname)) return { reason: 'the gateway is not on this machine' }
  if (env['LOCAL_ISSUER'] === 'off') return { reason: 'the local issuer is off' }
  const dir = resolve(env['DATA_DIR'] || '.data')
  const keyFile = join(dir, LOCAL_KEY_FILE)
  try {
    await access(keyFile)
  } catch {
    return {
      reason: `no gateway key was found in ${dir}; set DATA_DIR to the data directory of the gateway, or run this where the gateway was started`,
    }
  }
  const roles = ['reader', 'operator', 'auditor', env['PLATFORM_ADMIN_ROLE'] || 'platform-admin']
  try {
    const issuer = await LocalIssuer.open({ dir, clock: systemClock })
    const tenantId = env['DEFAULT_TENANT'] || 'local'
    const token = await issuer.issue({ tenantId, subject: 'you', roles, agent: TERMINAL_AGENT, ttlMs })
    return { token, keyFile, roles }
  } catch (error) {
    return { reason: messageOf(error) }
  }
}
