import { z } from 'zod'
import { credentialHolder } from '../../domain/documents/server-auth.ts'
import {
  type HttpServerDefinition,
  type ServerKey,
  serverKey,
} from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import { keptClient, keptMetadata } from '../authorization/client-access.ts'
import type { VaultEntry, VaultListing, VaultOwner } from '../../secrets/vault/vault.ts'

/** The kind of the entries of the vault that hold accounts. */
export const ACCOUNT = 'account'

/** Whose account it is, and at which server. */
export interface AccountKey {
  readonly tenantId: string
  /** A person; empty for the account of the tenant. */
  readonly subject: string
  readonly server: ServerKey
}

/** `connected`; `expired`: its authorization server renews its tokens no more; `refused`: the server takes them no more. */
export type AccountState = 'connected' | 'expired' | 'refused'

const strings = z.array(z.string())
const info = z.object({
  state: z.enum(['connected', 'expired', 'refused']),
  account: z.string().optional(),
  scopes: strings,
  /** The scopes that the person has been asked for. */
  asked: strings,
  /** Milliseconds since the epoch. */
  since: z.number(),
  issuer: z.string(),
})
const secret = z.object({
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  /** Milliseconds since the epoch; undefined where nobody knows. */
  expiresAt: z.number().optional(),
  renewAt: z.number().optional(),
  /** The origins that the tokens may be sent to. */
  origins: strings,
  resource: z.string().optional(),
  as: keptMetadata,
  client: keptClient,
})

/** What operators and the person may see of an account. */
export type AccountInfo = z.output<typeof info>
/** The tokens of an account, and where they come from; never shown to anybody. */
export type AccountSecret = z.output<typeof secret>

/** An account of a person, or of a tenant, at a server. */
export interface Account {
  readonly key: AccountKey
  readonly info: AccountInfo
  readonly secret: AccountSecret
  readonly version: string
}

/** Whose account a call of a principal to a server uses. */
export function accountKeyOf(
  server: HttpServerDefinition,
  { tenantId, subject }: Pick<Principal, 'tenantId' | 'subject'>,
): AccountKey {
  const isPersonal = credentialHolder(server) === 'person'
  return { tenantId, subject: isPersonal ? subject : '', server: serverKey(server) }
}

/** The entry of the vault that holds an account. */
export function ownerOf({ tenantId, subject, server }: AccountKey): VaultOwner {
  return { kind: ACCOUNT, tenantId, subject, server }
}

/** The account that an entry holds. */
export function accountIn(entry: VaultEntry): Account {
  const { tenantId, subject, server } = entry.owner
  return {
    key: { tenantId, subject, server },
    info: info.parse(entry.info),
    secret: secret.parse(entry.secret),
    version: entry.version,
  }
}

/** What may be shown of an entry. */
export function listedIn({ owner: { tenantId, subject, server }, info: given }: VaultListing): {
  key: AccountKey
  info: AccountInfo
} {
  return { key: { tenantId, subject, server }, info: info.parse(given) }
}

/** One text for each account, for maps and leases. */
export function accountName({ tenantId, subject, server }: AccountKey): string {
  return JSON.stringify([tenantId, subject, server])
}
