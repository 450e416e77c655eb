import type { Logger } from '../telemetry/logger.ts'
import type { Member } from './member.ts'

/**
 * The instances that calls go to: those that are ready, without the unhealthy ones. While all are unhealthy those stay
 * that were the last; it is never nobody as long as one is ready.
 */
export function rotationOf(members: readonly Member[]): readonly Member[] {
  const ready = members.filter(({ connection }) => connection !== undefined)
  const healthy = ready.filter(({ isUnhealthy }) => !isUnhealthy)
  if (healthy.length > 0) return healthy
  const last = ready.filter(({ isOut }) => !isOut)
  return last.length > 0 ? last : ready
}

/** Marks who is in the rotation, and says so of those for whom that is new. */
export function settle(
  members: readonly Member[],
  rotation: readonly Member[],
  options: { logger: Logger; reason: string | undefined },
): void {
  for (const member of members) {
    const isOut = member.connection !== undefined && !rotation.includes(member)
    if (isOut === member.isOut) continue
    member.isOut = isOut
    const facts = { instance: member.instance.id, reason: options.reason }
    if (isOut) options.logger.warn(facts, 'instance is out of the rotation')
    else if (member.connection !== undefined) options.logger.info(facts, 'instance is back in the rotation')
  }
}
