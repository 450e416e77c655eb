/** One call as its client saw it. */
export interface SeenCall {
  readonly id: string
  readonly tenantId: string
  /** Texts of the answers, of which there should be one; a call that failed has none. */
  readonly answers: readonly string[]
}

/** One usage record, as far as histories are about it. */
export interface SeenRecord {
  /** The id of the call, if it can be told. */
  readonly id: string
  readonly tenantId: string
  readonly outcome: string
}

/** What came of a run. */
export interface History {
  readonly calls: readonly SeenCall[]
  /** Ids in the order in which the server executed them. */
  readonly ledger: readonly string[]
  readonly records: readonly SeenRecord[]
  /** Processes that were left. */
  readonly processes: readonly number[]
}

/** Everything that is wrong with a history; empty if nothing is. */
export function faultsIn({ calls, ledger, records, processes }: History): string[] {
  const executed = counts(ledger)
  const recorded = counts(records.map(({ id }) => id))
  const tenants = new Map(calls.map(({ id, tenantId }) => [id, tenantId]))
  return [
    ...[...executed]
      .filter(([, count]) => count > 1)
      .map(([id, count]) => `${id} was executed ${count} times`),
    ...[...executed.keys()]
      .filter((id) => !recorded.has(id))
      .map((id) => `${id} was executed and not recorded`),
    ...[...recorded]
      .filter(([, count]) => count > 1)
      .map(([id, count]) => `${id} was recorded ${count} times`),
    ...calls.filter(({ answers }) => answers.length > 1).map(({ id }) => `${id} was answered more than once`),
    ...calls
      .filter(({ id, answers }) => answers.length > 0 && !recorded.has(id))
      .map(({ id }) => `${id} was answered and not recorded`),
    ...calls
      .filter(({ id, answers }) => answers.some((text) => !text.includes(id)))
      .map(({ id }) => `${id} got the answer of another call`),
    ...records
      .filter(({ id, tenantId }) => tenants.has(id) && tenants.get(id) !== tenantId)
      .map(({ id, tenantId }) => `${id} was recorded for ${tenantId}`),
    ...processes.map((pid) => `process ${pid} was left`),
  ]
}

function counts(ids: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const id of ids) found.set(id, (found.get(id) ?? 0) + 1)
  return found
}
