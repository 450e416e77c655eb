import type { Logger } from '../../../telemetry/logger.ts'
import type { Member } from './member.ts'

/**
 * The instances that get calls: the ready ones that are healthy and not ejected. While all are unhealthy, those that
 * were eligible before stay so; an instance is eligible for as long as one is ready.
 */
export function eligibleOf(members: readonly Member[]): readonly Member[] {
  const ready = members.filter(({ connection }) => connection !== undefined)
  const healthy = ready.filter(({ isUnhealthy }) => !isUnhealthy)
  if (healthy.length > 0) return withoutEjected(healthy)
  const before = ready.filter(({ isExcluded }) => !isExcluded)
  return before.length > 0 ? before : ready
}

/** At most half of the instances are ejected: if more than that fail, the circuit breaker applies. */
function withoutEjected(members: readonly Member[]): readonly Member[] {
  const ejected = members.flatMap((member) => {
    const { outSince } = member.ejection
    return outSince === undefined ? [] : [{ member, outSince }]
  })
  if (ejected.length === 0) return members
  const longestFirst = ejected.toSorted((a, b) => a.outSince - b.outSince)
  const out = new Set(longestFirst.slice(0, Math.floor(members.length / 2)).map(({ member }) => member))
  return members.filter((member) => !out.has(member))
}

/** Marks the members that are connected and not eligible, and logs each change. */
export function markExcluded(
  members: readonly Member[],
  eligible: readonly Member[],
  options: { logger: Logger; reason: string | undefined },
): void {
  for (const member of members) {
    const isExcluded = member.connection !== undefined && !eligible.includes(member)
    if (isExcluded === member.isExcluded) continue
    member.isExcluded = isExcluded
    const facts = { instance: member.instance.id, reason: options.reason }
    if (isExcluded) options.logger.warn(facts, 'instance is out of the rotation')
    else if (member.connection !== undefined) options.logger.info(facts, 'instance is back in the rotation')
  }
}
