import { createHmac, randomBytes } from 'node:crypto'
import { digestOf } from '../../cache/digest.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { type Principal, principalKey } from '../../domain/principal.ts'
import { type KeyRing, keysFor } from '../../domain/seal/key-ring.ts'
import { stateKey } from '../../state/state-key.ts'

const OWNER_LENGTH = 10
const SLOT_LENGTH = 22
const NONCE_BYTES = 6
/** So that no id begins with a hyphen, which a command line takes for an option. */
const ID = /^ap_([\w-]{10})([\w-]{22})[\w-]{8}$/

/** Everything that an approval is bound to. */
export interface BoundCall {
  readonly principal: Principal
  /** Key of the server, and its own name for the tool. */
  readonly server: string
  readonly tool: string
  /** The parameters that the server gets. */
  readonly content: JsonObject
}

/** Where a request is stored. Equal calls of the same caller share a slot, so that only one request is open for them. */
export interface Slot {
  readonly tenantId: string
  readonly owner: string
  readonly slot: string
}

/**
 * Makes the keys and ids of requests. They are digests under a key of the gateway's, so that an id in a link or a log
 * says nothing of the arguments.
 */
export class RequestKeys {
  readonly #key: Buffer

  constructor(keys: KeyRing) {
    this.#key = keysFor(keys, 'approval ids')[0] ?? keys.current
  }

  slotOf({ principal, server, tool, content }: BoundCall): Slot & { readonly binding: string } {
    const owner = this.#digest(['owner', principalKey(principal)]).slice(0, OWNER_LENGTH)
    const binding = this.#digest(['call', principalKey(principal), server, tool, content])
    return { tenantId: principal.tenantId, owner, slot: binding.slice(0, SLOT_LENGTH), binding }
  }

  /** The id of a new request in a slot, which no later request there has. */
  newId({ owner, slot }: Pick<Slot, 'owner' | 'slot'>): string {
    return `${beginningOf({ owner, slot })}${randomBytes(NONCE_BYTES).toString('base64url')}`
  }

  #digest(parts: readonly unknown[]): string {
    return createHmac('sha256', this.#key)
      .update(digestOf(...parts))
      .digest('base64url')
  }
}

/** What the ids of all requests in a slot begin with. */
export function beginningOf({ owner, slot }: Pick<Slot, 'owner' | 'slot'>): string {
  return `ap_${owner}${slot}`
}

/** The slot of a request by its id; undefined for an invalid id. */
export function slotOfId(tenantId: string, id: string): Slot | undefined {
  const [, owner, slot] = ID.exec(id) ?? []
  return owner === undefined || slot === undefined ? undefined : { tenantId, owner, slot }
}

/** The key of a slot in the state. */
export function keyOf({ tenantId, owner, slot }: Slot): string {
  return stateKey(tenantId, owner, slot)
}

/** What the keys of all slots of a tenant, or of one caller in it, begin with. */
export function prefixOf(tenantId: string, owner?: string): string {
  return `${owner === undefined ? stateKey(tenantId) : stateKey(tenantId, owner)}/`
}
