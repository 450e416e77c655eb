import {
  type Client,
  type McpSubscription,
  SdkHttpError,
  type SubscriptionFilter,
} from '@modelcontextprotocol/client'
import { type Clock, sleep } from '../../domain/clock.ts'
import { backoffMs } from '../../domain/backoff.ts'

const ACKNOWLEDGE_MS = 10_000
/** A stream that lasted this long counts as stable. */
const STABLE_MS = 60_000
const METHOD_NOT_FOUND = -32_601

/** What a server of 2026-07-28 should announce, until `signal` aborts. */
interface Listening {
  readonly client: Client
  readonly filter: SubscriptionFilter
  readonly signal: AbortSignal
}

/** Opens one `subscriptions/listen` stream. @throws what the SDK does */
export function listen({ client, filter, signal }: Listening): Promise<McpSubscription> {
  return client.listen(filter, { signal, timeout: ACKNOWLEDGE_MS })
}

interface KeptListening extends Listening {
  readonly clock: Clock
  readonly random: () => number
  /** Called when the stream is open again after a gap. */
  readonly onGap: () => void
}

/**
 * Keeps reopening the stream until `signal` aborts, unless the server does not support it.
 * @param opened the stream, if it is open already
 */
export async function keepListening(listening: KeptListening, opened?: McpSubscription): Promise<void> {
  const { clock, random, signal, onGap } = listening
  let failures = 0
  for (let current = opened, isFirst = true; !signal.aborted; current = undefined, isFirst = false) {
    try {
      const subscription = current ?? (await listen(listening))
      const openedAt = clock.monotonic()
      if (!isFirst) onGap()
      await subscription.closed
      if (clock.monotonic() - openedAt >= STABLE_MS) failures = 0
    } catch (error) {
      if (isUnknownMethod(error)) return
    }
    failures += 1
    await sleep(clock, backoffMs(failures, random), signal)
  }
}

function isUnknownMethod(error: unknown): boolean {
  if (error instanceof SdkHttpError) return error.status === 404 || error.status === 405
  return error instanceof Error && 'code' in error && error.code === METHOD_NOT_FOUND
}
