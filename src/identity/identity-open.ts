import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Logger } from '../telemetry/logger.ts'
import { BrowserSessions } from './browser-sessions.ts'
import { LocalIssuer } from './local-issuer.ts'
import { OneTimeCodes } from './one-time-codes.ts'
import { RefusalLog } from './refusal-log.ts'
import { TrustedIssuers } from './trusted-issuers.ts'

/** Who may call while the gateway runs. */
export interface OpenIdentity {
  /** Signs tokens in the embedded mode; undefined where only identity providers count. */
  readonly localIssuer: LocalIssuer | undefined
  readonly issuers: TrustedIssuers
  readonly refusals: RefusalLog
  readonly browserSessions: BrowserSessions
  readonly oneTimeCodes: OneTimeCodes
}

/** Opens what verifies tokens. @throws Error when the key of the local issuer cannot be used */
export async function openIdentity(
  settings: Pick<Settings, 'localIssuer' | 'dataDir' | 'issuers' | 'publicUrl'>,
  {
    stateKey,
    clock,
    logger,
    lifecycle,
  }: { stateKey: Buffer; clock: Clock; logger: Logger; lifecycle: Lifecycle },
): Promise<OpenIdentity> {
  const localIssuer = settings.localIssuer
    ? await LocalIssuer.open({ dir: settings.dataDir, clock })
    : undefined
  const { issuers: fixed, publicUrl } = settings
  const issuers = new TrustedIssuers({ issuers: fixed, publicUrl, localIssuer, clock, logger })
  lifecycle.onClose('issuers', () => issuers.close(), { lane: 'servers' })
  return {
    localIssuer,
    issuers,
    refusals: new RefusalLog({ logger, clock }),
    browserSessions: new BrowserSessions({ key: stateKey, publicUrl, clock }),
    oneTimeCodes: new OneTimeCodes({ key: stateKey, clock }),
  }
}
