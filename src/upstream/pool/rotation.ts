import type { Logger } from '../../telemetry/logger.ts'
import type { Member } from './member.ts'

/**
 * The instances that calls go to: those that are ready, without the unhealthy ones and those whose calls fail. While all
 * are unhealthy those stay that were the last; it is never nobody as long as one is ready.
 */
export function rotationOf(members: readonly Member[]): readonly Member[] {
  const ready = members.filter(({ connection }) => connection !== undefined)
  const healthy = ready.filter(({ isUnhealthy }) => !isUnhealthy)
  if (healthy.length > 0) return withoutEjected(healthy)
  const last = ready.filter(({ isOut }) => !isOut)
  return last.length > 0 ? last : ready
}

/** Half of them stay, whatever their calls come to: where most fail, the circuit breaker is what helps. */
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
