import { type Clock, repeat } from '../../domain/clock.ts'
import type { RevokedGrants } from '../../identity/own-issuer/revoked-grants.ts'
import { stateEntries } from '../../state/state-entries.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'

const EVERY_MS = 750

/**
 * Takes over what other replicas revoked, within a second, until the returned function is called. While the store does
 * not answer it says so once.
 */
export function followRevocations(options: {
  store: StateStore
  revoked: RevokedGrants
  clock: Clock
  logger: Logger
}): () => void {
  const { store, revoked, clock, logger } = options
  let isReading = false
  let isFailing = false
  const read = async (): Promise<void> => {
    for await (const { key } of stateEntries(store, 'revoked-grants', '')) {
      const id = decodeURIComponent(key)
      if (!revoked.has(id)) revoked.revoke(id)
    }
  }
  return repeat(clock, EVERY_MS, () => {
    if (isReading) return
    isReading = true
    void read()
      .then(
        () => (isFailing = false),
        (error: unknown) => {
          if (!isFailing) logger.warn({ err: error }, 'grants that other replicas revoked cannot be read')
          isFailing = true
        },
      )
      .finally(() => (isReading = false))
  })
}
