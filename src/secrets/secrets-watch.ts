import { type SecretReference, secretsOf } from '../domain/documents/secret-reference.ts'
import type { ServerDefinition, ServerKey } from '../domain/documents/server-definition.ts'

/** The connections that secrets are used for. */
export interface SecretUsers {
  /** Reopens the connections of a server; calls in flight finish on the old ones. */
  reconnect(key: ServerKey, reason: string): void
  /** Whether a server has no connection and is not about to get one. */
  isDown(key: ServerKey): boolean
}

/** Knows which servers use which secret, so that a change of a secret affects only those servers. */
export class SecretsWatch {
  readonly #users: SecretUsers
  #usersOf: ReadonlyMap<string, readonly ServerKey[]> = new Map()

  constructor(options: { users: SecretUsers }) {
    this.#users = options.users
  }

  /** Takes in the servers of a snapshot, before they are connected; comes to the secrets that they use. */
  setServers(servers: ReadonlyMap<ServerKey, ServerDefinition>): SecretReference[] {
    const usersOf = new Map<string, ServerKey[]>()
    const references = new Map<string, SecretReference>()
    for (const [key, server] of servers) {
      for (const reference of server.enabled ? secretsOf(server) : []) {
        references.set(reference.text, reference)
        usersOf.set(reference.text, [...(usersOf.get(reference.text) ?? []), key])
      }
    }
    this.#usersOf = usersOf
    return [...references.values()]
  }

  /** Every server that uses the secret gets its new value. */
  rotated({ text }: SecretReference): void {
    for (const key of this.#usersOf.get(text) ?? []) {
      this.#users.reconnect(key, `the value of ${text} changed`)
    }
  }

  /** Servers that were given up for want of the secret get another chance. */
  recovered({ text }: SecretReference): void {
    for (const key of this.#usersOf.get(text) ?? []) {
      if (this.#users.isDown(key)) this.#users.reconnect(key, `${text} is available again`)
    }
  }
}
