import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto'
import { type Principal, principalKey } from '../../domain/principal.ts'
import type { ServerKey } from '../../domain/documents/server-definition.ts'
import { type KeyRing, keysFor } from '../../domain/seal/key-ring.ts'

const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16

/** A task by its server's id, and the tool whose call created it. */
export interface TaskTarget {
  readonly server: ServerKey
  /** The server's own name of the tool. */
  readonly tool: string
  readonly taskId: string
}

/**
 * The ids by which callers know the tasks of servers. A handle is readable only by the gateway and valid only for the
 * caller that it was issued to: servers see all callers as one client, so for them anyone who knows an id owns the
 * task. A task has the same handle for the same caller at every replica with the same key; after a change of the key, the previous handles of it open as well.
 */
export class TaskHandles {
  readonly #keys: readonly Buffer[]
  readonly #key: Buffer
  readonly #ivKey: Buffer

  /** @param options.keys gateways that serve the same callers must share them */
  constructor({ keys }: { keys: KeyRing }) {
    this.#keys = keysFor(keys, 'task handles: encryption')
    this.#key = this.#keys[0] ?? keys.current
    this.#ivKey = keysFor(keys, 'task handles: initialization vector')[0] ?? keys.current
  }

  handleOf({ server, tool, taskId }: TaskTarget, principal: Principal): string {
    const owner = ownerOf(principal)
    const content = JSON.stringify([server, tool, taskId])
    // Synthetic IV: it repeats only for an identical plaintext of the same owner.
    const iv = createHmac('sha256', this.#ivKey).update(owner).update(content).digest().subarray(0, IV_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, iv)
    cipher.setAAD(owner)
    const sealed = Buffer.concat([cipher.update(content, 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')
  }

  /** The task of a handle; undefined if the handle was not issued to this caller. */
  open(handle: string, principal: Principal): TaskTarget | undefined {
    const bytes = Buffer.from(handle, 'base64url')
    if (bytes.toString('base64url') !== handle) return undefined
    const owner = ownerOf(principal)
    const content = this.#keys.map((key) => decrypted(bytes, key, owner)).find(Array.isArray)
    if (content === undefined) return undefined
    const [server, tool, taskId] = content as readonly unknown[]
    if (typeof server !== 'string' || typeof tool !== 'string' || typeof taskId !== 'string') return undefined
    return { server, tool, taskId }
  }
}

function decrypted(bytes: Buffer, key: Buffer, owner: Buffer): unknown {
  try {
    const iv = bytes.subarray(0, IV_BYTES)
    const decipher = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
    decipher.setAAD(owner)
    decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    const sealed = bytes.subarray(IV_BYTES + TAG_BYTES)
    return JSON.parse(Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8'))
  } catch {
    return undefined
  }
}

function ownerOf(principal: Principal): Buffer {
  return createHash('sha256').update(principalKey(principal)).digest()
}
