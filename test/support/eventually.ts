/** A state that does not last is missed by who asks less often. */
const MAX_PAUSE_MS = 100

/**
 * Resolves with the first value of `probe` that is neither undefined nor false; polls, for things outside this process.
 * A probe that has to wait for its answer costs more, and is asked less often the longer it takes.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 60_000, intervalMs = 10, what = 'the condition' } = {},
): Promise<Exclude<T, undefined | false>> {
  const start = performance.now()
  for (;;) {
    const answer = probe()
    const value = await answer
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>
    const waited = performance.now() - start
    if (waited > timeoutMs) throw new Error(`${what} did not hold within ${timeoutMs} ms`)
    const longer = answer instanceof Promise ? Math.min(waited / 10, MAX_PAUSE_MS) : 0
    await new Promise((resolve) => setTimeout(resolve, Math.max(intervalMs, longer)))
  }
}
