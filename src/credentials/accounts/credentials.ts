import { lruCache } from '../../cache/lru.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { type HttpServerDefinition, urlsOf } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Challenge, CredentialSource } from '../../upstream/credentials/credential-source.ts'
import { isOAuthServer, type OAuthServer } from '../authorization/discovery.ts'
import { type Account, type AccountKey, accountKeyOf, accountName, type AccountState } from './account.ts'
import type { Accounts } from './accounts.ts'
import type { Renewal } from './renewal.ts'

const MAX_NEEDS = 10_000

/** Why a call cannot be made with the account of its caller as it is. */
export interface Need {
  readonly why: 'not_connected' | 'moved' | 'insufficient_scope' | Exclude<AccountState, 'connected'>
  /** The scopes to ask for in addition to those that were asked for before. */
  readonly scopes: readonly string[]
}

/** The credentials of calls to servers with accounts. */
export class Credentials {
  readonly #accounts: Accounts
  readonly #renewal: Renewal
  /** The scopes that a server has asked for, by the account that lacks them. */
  readonly #lacking = lruCache<readonly string[]>(MAX_NEEDS)

  constructor(options: { accounts: Accounts; renewal: Renewal }) {
    this.#accounts = options.accounts
    this.#renewal = options.renewal
  }

  /**
   * What keeps a principal from using a server; undefined when nothing does.
   * @throws GatewayError `state_unavailable`, or `upstream_unavailable` when a token cannot be renewed now
   */
  async needOf(server: HttpServerDefinition, principal: Principal): Promise<Need | undefined> {
    if (!isOAuthServer(server)) return undefined
    return needIn(server, await this.#renewal.fresh(server, accountKeyOf(server, principal)))
  }

  /**
   * What has made a call fail, of what a person can help with; undefined when it is something else. A connection that
   * could not be opened does not say why.
   */
  async needAfter(
    error: GatewayError,
    server: HttpServerDefinition,
    principal: Principal,
  ): Promise<Need | undefined> {
    if (error.code !== 'credential_required' && error.code !== 'upstream_unavailable') return undefined
    if (error.facts.mayHaveExecuted !== false || !isOAuthServer(server)) return undefined
    const account = await this.#accounts.get(accountKeyOf(server, principal))
    const need = needIn(server, account)
    const scopes = account && this.#lacking.get(consentOf(account))
    return need ?? (scopes && { why: 'insufficient_scope', scopes })
  }

  /** The credential of the connections for a principal, or for all of the tenant of the server. */
  sourceFor(
    server: HttpServerDefinition,
    onBehalfOf: Pick<Principal, 'tenantId' | 'subject'> | undefined,
  ): CredentialSource | undefined {
    if (!isOAuthServer(server)) return undefined
    const key = accountKeyOf(server, onBehalfOf ?? { tenantId: server.tenantId, subject: '' })
    return {
      authorization: async () => authorizationOf(usable(server, await this.#renewal.fresh(server, key))),
      refused: (authorization, challenge) => this.#refused(server, key, authorization, challenge),
    }
  }

  async #refused(
    server: OAuthServer,
    key: AccountKey,
    authorization: string,
    challenge: Challenge,
  ): Promise<string | undefined> {
    const token = authorization.replace(/^Bearer /, '')
    const account = await this.#accounts.read(key)
    if (account === undefined) throw required(server)
    if (account.secret.accessToken !== token && !challenge.isLast)
      return authorizationOf(usable(server, account))
    const missing = challenge.scopes.filter((scope) => !account.info.scopes.includes(scope))
    if (challenge.isScope && missing.length > 0) return this.#lacksScopes(server, account, missing)
    if (challenge.isLast) return this.#mark(server, account, 'refused')
    const another = await this.#renewal.another(server, key, token)
    if (another !== undefined && another.secret.accessToken !== token)
      return authorizationOf(usable(server, another))
    return this.#mark(server, another ?? account, 'refused')
  }

  /** Consent can widen what was granted, once: for a server that asks for the same again it is of no use. */
  #lacksScopes(server: OAuthServer, account: Account, missing: readonly string[]): undefined {
    if (missing.every((scope) => account.info.asked.includes(scope))) return undefined
    this.#lacking.set(consentOf(account), missing)
    throw required(server)
  }

  async #mark(server: OAuthServer, account: Account, state: AccountState): Promise<never> {
    if (account.info.state === 'connected') await this.#change(account, { ...account.info, state })
    throw required(server)
  }

  /** Whoever has changed it meanwhile knows better. */
  async #change({ key, secret, version }: Account, info: Account['info']): Promise<void> {
    await this.#accounts.put(key, { info, secret }, { expected: version })
  }
}

/** One consent of a person: the account until it is connected again. */
function consentOf({ key, info }: Account): string {
  return `${accountName(key)} ${info.since}`
}

/** What is wrong with an account. */
function needIn(server: OAuthServer, account: Account | undefined): Need | undefined {
  if (account === undefined) return { why: 'not_connected', scopes: [] }
  const { info, secret } = account
  const isElsewhere =
    !urlsOf(server).every((url) => secret.origins.includes(new URL(url).origin)) ||
    (server.auth.issuer !== undefined && server.auth.issuer !== info.issuer)
  if (isElsewhere) return { why: 'moved', scopes: [] }
  return info.state === 'connected' ? undefined : { why: info.state, scopes: [] }
}

/** @throws GatewayError `credential_required` */
function usable(server: OAuthServer, account: Account | undefined): Account {
  if (account === undefined || needIn(server, account) !== undefined) throw required(server)
  return account
}

function authorizationOf({ secret: { accessToken } }: Account): string {
  return `Bearer ${accessToken}`
}

function required({ name, auth }: OAuthServer): GatewayError {
  const who = auth.per === 'user' ? 'The caller has' : 'The tenant has'
  return new GatewayError('credential_required', `${who} to connect an account at ${name}`, {
    facts: { server: name, mayHaveExecuted: false },
  })
}
