import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { StateStore } from '../state/state-store.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Logger } from '../telemetry/logger.ts'
import { BrowserSessions } from './browser-sessions.ts'
import type { KeySet } from './key-set.ts'
import { LOCAL_ISSUER_SETTINGS, LocalIssuer } from './local-issuer.ts'
import { OneTimeCodes } from './browser/one-time-codes.ts'
import { Assertions } from './own-issuer/assertions.ts'
import { RevokedGrants } from './own-issuer/revoked-grants.ts'
import { SigningKeys } from './own-issuer/signing-keys.ts'
import { RefusalLog } from './refusal-log.ts'
import type { TrustedIssuer } from './token-verifier.ts'
import { TrustedIssuers } from './trusted-issuers.ts'

/** Who may call while the gateway runs. */
export interface OpenIdentity {
  /** Signs tokens in the embedded mode; undefined where only identity providers count. */
  readonly localIssuer: LocalIssuer | undefined
  readonly issuers: TrustedIssuers
  readonly refusals: RefusalLog
  readonly browserSessions: BrowserSessions
  readonly oneTimeCodes: OneTimeCodes
  /** The keys of the authorization server inside; undefined where it is off. */
  readonly signingKeys: SigningKeys | undefined
  readonly revokedGrants: RevokedGrants
  /** Signs who calls, for servers that trust the gateway. */
  readonly assertions: Assertions
}

interface Context {
  readonly stateKeys: KeyRing
  readonly store: StateStore
  /** Where the issuers of tenants may be. */
  readonly outbound: Outbound
  readonly clock: Clock
  readonly logger: Logger
  readonly lifecycle: Lifecycle
}

/** Opens what verifies tokens. @throws Error when the key of the local issuer cannot be used */
export async function openIdentity(
  settings: Pick<Settings, 'localIssuer' | 'dataDir' | 'issuers' | 'publicUrl' | 'authorizationServer'>,
  { stateKeys, store, outbound, clock, logger, lifecycle }: Context,
): Promise<OpenIdentity> {
  const localIssuer = settings.localIssuer
    ? await LocalIssuer.open({ dir: settings.dataDir, clock })
    : undefined
  const { issuers: fixed, publicUrl } = settings
  const revokedGrants = new RevokedGrants({ clock })
  const signingKeys = settings.authorizationServer ? new SigningKeys({ store, stateKeys, clock }) : undefined
  const own = signingKeys && ownIssuer(publicUrl, signingKeys, revokedGrants)
  const issuers = new TrustedIssuers({ issuers: fixed, publicUrl, localIssuer, own, outbound, clock, logger })
  lifecycle.onClose('issuers', () => issuers.close(), { lane: 'servers' })
  return {
    localIssuer,
    issuers,
    refusals: new RefusalLog({ logger, clock }),
    browserSessions: new BrowserSessions({
      keys: stateKeys,
      publicUrl,
      disabled: issuers.disabled,
      store,
      clock,
      logger,
    }),
    oneTimeCodes: new OneTimeCodes({ keys: stateKeys, clock }),
    signingKeys,
    revokedGrants,
    assertions: new Assertions({
      publicUrl,
      keys: new SigningKeys({ store, stateKeys, clock, use: 'assertions' }),
      clock,
    }),
  }
}

/** How tokens of the authorization server inside are checked. */
function ownIssuer(issuer: string, keys: KeySet, revokedGrants: RevokedGrants): TrustedIssuer {
  const settings = { ...LOCAL_ISSUER_SETTINGS, issuer, audience: issuer }
  return { settings, keys, revokedGrants }
}
