/**
 * Runs every step, even if others fail.
 * @throws AggregateError with all errors, once all steps have run
 */
export function runAll(steps: Iterable<() => void>): void {
  const failures: unknown[] = []
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} steps failed`)
}
