/**
 * Resolves with the first value of `probe` that is neither undefined nor false; polls, for things outside this process.
 * It asks less often the longer it has waited, which makes no wait more than a tenth longer.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  { timeoutMs = 30_000, intervalMs = 10, what = 'the condition' } = {},
): Promise<Exclude<T, undefined | false>> {
  const start = performance.now()
  for (;;) {
    const value = await probe()
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>
    const waited = performance.now() - start
    if (waited > timeoutMs) throw new Error(`${what} did not hold within ${timeoutMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, Math.max(intervalMs, waited / 10)))
  }
}
