import { isHttp, type ServerDefinition, serverKey } from '../../../domain/documents/server-definition.ts'
import type { Clock } from '../../../domain/clock.ts'
import type { Era } from '../connection.ts'

/** Entries expire because a server may be upgraded, and an upgraded one still supports the old era. */
const LIFETIME_MS = 24 * 60 * 60 * 1000
const MAX_VERDICTS = 10_000

/** Remembers the era of servers, so that not every connection probes for it. */
export class EraMemory {
  readonly #clock: Clock
  readonly #verdicts = new Map<string, { readonly era: Era; readonly at: number }>()

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** The era remembered for `key`, if it was determined within the last 24 hours. */
  recall(key: string): Era | undefined {
    const verdict = this.#verdicts.get(key)
    if (verdict === undefined) return undefined
    if (this.#clock.now() - verdict.at < LIFETIME_MS) return verdict.era
    this.#verdicts.delete(key)
    return undefined
  }

  /** Keeps the time of the first result, so that the next probe is due 24 hours after it. */
  remember(key: string, era: Era): void {
    if (this.recall(key) === era) return
    const oldest = this.#verdicts.size >= MAX_VERDICTS ? this.#verdicts.keys().next().value : undefined
    if (oldest !== undefined) this.#verdicts.delete(oldest)
    this.#verdicts.set(key, { era, at: this.#clock.now() })
  }

  forget(key: string): void {
    this.#verdicts.delete(key)
  }
}

/** The key under which a server's era is remembered: a server at another place may be another program. */
export function memoryKey(server: ServerDefinition): string {
  const target = isHttp(server)
    ? [server.transport, server.url, server.instances?.[0]?.url]
    : server.transport === 'stdio' && [server.command, server.package, server.args]
  return JSON.stringify([serverKey(server), target])
}
