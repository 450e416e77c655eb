const MAX_MS = 3_600_000

/**
 * The time for which a server asks in `Retry-After`, in milliseconds and at most an hour; undefined where it asks for
 * none, or in no form of RFC 9110 §10.2.3 (seconds, or a date).
 */
export function retryAfterMs(value: unknown, now = Date.now()): number | undefined {
  if (typeof value !== 'string' || value.length > 64) return undefined
  const ms = /^\d{1,10}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.min(MAX_MS, Math.max(0, ms))
}
