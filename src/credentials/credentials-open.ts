import type { Settings } from '../config/settings.ts'
import type { Clock } from '../domain/clock.ts'
import { parseSecretReference, type ResolveSecret } from '../domain/documents/secret-reference.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import { Sealing } from '../domain/seal/sealing.ts'
import type { Vault } from '../secrets/vault/vault.ts'
import type { OpenState } from '../state/state-open.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Accounts } from './accounts/accounts.ts'
import { Connections } from './accounts/connections.ts'
import { Credentials } from './accounts/credentials.ts'
import { Renewal } from './accounts/renewal.ts'
import type { Assertions } from '../identity/own-issuer/assertions.ts'
import { Delegation } from './machine/delegation.ts'
import { IssuedTokens } from './machine/issued-tokens.ts'
import { TokenPlaces } from './machine/token-places.ts'
import { Clients } from './authorization/clients.ts'
import type { OAuthServer } from './authorization/discovery.ts'
import { AuthorizationFlows } from './consent/authorization-flows.ts'
import { Connecting } from './consent/connecting.ts'
import { ConsentLinks } from './consent/consent-links.ts'

/** The accounts of people and tenants at servers while the gateway runs. */
export interface OpenCredentials {
  readonly accounts: Accounts
  readonly credentials: Credentials
  readonly delegation: Delegation
  readonly connections: Connections
  readonly connecting: Connecting
  readonly links: ConsentLinks
  readonly flows: AuthorizationFlows
  readonly clients: Clients
}

/** Builds what keeps accounts, and connects them. Nothing is read or sent yet. */
export function openCredentials(
  { publicUrl }: Pick<Settings, 'publicUrl'>,
  parts: {
    readonly vault: Vault
    readonly state: OpenState
    /** Seals what belongs to a flow. */
    readonly stateKeys: KeyRing
    readonly resolveSecret: ResolveSecret
    readonly outbound: Outbound
    readonly assertions: Assertions
    readonly clock: Clock
    readonly logger: Logger
  },
): OpenCredentials {
  const { vault, state, stateKeys, resolveSecret, outbound, assertions, clock, logger } = parts
  const { store, leases } = state
  const secretOf = (server: OAuthServer): Promise<string | undefined> => {
    const { clientSecret } = server.auth
    const reference = clientSecret === undefined ? undefined : parseSecretReference(clientSecret)
    return reference === undefined ? Promise.resolve(clientSecret) : resolveSecret(reference)
  }
  const accounts = new Accounts({ vault, clock })
  const renewal = new Renewal({ accounts, leases, secretOf, outbound, clock, logger })
  const clients = new Clients({ vault, leases, publicUrl, secretOf, clock })
  const links = new ConsentLinks({ store, publicUrl, clock })
  const tokens = new IssuedTokens({ clock })
  const places = new TokenPlaces({ outbound, clock })
  const sealing = new Sealing(stateKeys, 'consent flows')
  return {
    accounts,
    credentials: new Credentials({ accounts, renewal }),
    delegation: new Delegation({ tokens, places, assertions, resolveSecret }),
    connections: new Connections({ accounts, store, outbound, clock, logger }),
    connecting: new Connecting({ accounts, links, clock }),
    links,
    flows: new AuthorizationFlows({ store, sealing, accounts, clients, outbound, clock, logger }),
    clients,
  }
}
