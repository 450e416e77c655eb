import type { IntentLog } from '../../audit/intents/intent-log.ts'
import type { Clock } from '../../domain/clock.ts'
import { effectOf } from '../cache-rule.ts'
import { recordOf } from '../record.ts'
import type { RoutedCall, StageFor } from '../stage.ts'

/** Which calls are announced to the usage records before they are sent. */
export type Intents = 'off' | 'writing' | 'all'

interface IntentOptions {
  readonly intents: IntentLog | undefined
  readonly auditIntents: Intents
  readonly clock: Clock
}

/**
 * Announces calls that change something before they are sent, so that one that ran while the gateway was killed has a
 * record, with the outcome `unknown`.
 */
export function intent({ intents, auditIntents: of, clock }: IntentOptions): StageFor {
  if (intents === undefined || of === 'off') return () => undefined
  return (target) => {
    // One that says nothing of itself does not count.
    if (of === 'writing' && effectOf(target.tool?.own) !== 'writes') return undefined
    return async (call, next) => {
      call.info.onRecorded ??= await intents.begin(announced(call, clock))
      return next(call)
    }
  }
}

function announced(call: RoutedCall, clock: Clock): ReturnType<typeof recordOf> {
  const { id = '', atMs = clock.now() } = call.info.record ?? {}
  return recordOf(call, {
    id,
    atMs,
    durationMs: clock.monotonic() - call.startedAt,
    outcome: 'unknown',
    responseBytes: 0,
    failure: undefined,
  })
}
