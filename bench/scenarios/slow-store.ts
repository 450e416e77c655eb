import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { eventually } from '../../test/support/eventually.ts'
import { percentile } from '../../test/support/percentiles.ts'
import { startGateway } from '../comparison/gateway.ts'
import { startProgram } from '../comparison/programs.ts'
import { aligned } from '../comparison/report.ts'
import { callsDuring, failuresIn, modernCallers, type Phase } from '../load/phase.ts'
import type { Scenario } from './scenario.ts'

const WARM_UP_MS = 5000
const FREE_MS = 5000
/** Longer than the gateway waits for a lock, so that its deliveries fail. */
const LOCKED_MS = 10_000
const WITHIN_MS = 60_000

/** What a store of records that takes nothing for a while does to the calls, and to their records. */
export const slowStoreScenario: Scenario = {
  name: 'slow-store',
  title:
    'calls while the database of the records is locked for 10 s, and whether every record is there later',
  run: async (_options, say) => {
    const upstream = await startProgram('http.ts')
    try {
      const gateway = await startGateway({ echo: { transport: 'streamable-http', url: upstream.url } })
      const database = new DatabaseSync(join(gateway.dataDir, 'audit.db'))
      try {
        const callers = await modernCallers(gateway, 'echo_echo')
        say('warming up')
        const warmUp = await callsDuring(callers, () => pause(WARM_UP_MS))
        say('the database is free')
        const free = await callsDuring(callers, () => pause(FREE_MS))
        say('the database is locked')
        database.exec('BEGIN IMMEDIATE')
        const locked = await callsDuring(callers, () => pause(LOCKED_MS))
        database.exec('ROLLBACK')
        const start = performance.now()
        const made = [warmUp, free, locked].reduce((sum, { times }) => sum + times.length, 0)
        const records = await recordsOf(database, made)
        const deliveredMs = performance.now() - start
        await Promise.all(callers.map((caller) => caller.close()))
        const text = `${textOf({ free, locked })}${made} calls were answered, ${records} records are stored, ${(deliveredMs / 1000).toFixed(1)} s after the lock\n`
        return { text, figures: { made, records, deliveredMs } }
      } finally {
        database.close()
        await gateway.close()
      }
    } finally {
      await upstream.close()
    }
  },
}

/** How many calls of the echo tool are in the store, once there are that many, or no more come. */
async function recordsOf(database: DatabaseSync, made: number): Promise<number> {
  const counted = database.prepare(
    `SELECT count(DISTINCT id) AS count FROM usage_records WHERE record->>'target' = 'echo_echo'`,
  )
  const count = (): number => Number(counted.get()?.['count'])
  await eventually(() => Promise.resolve(count() >= made), {
    what: `${made} records in the store`,
    timeoutMs: WITHIN_MS,
    intervalMs: 100,
  })
  return count()
}

function textOf(phases: Readonly<Record<string, Phase>>): string {
  const lines = Object.entries(phases).map(([title, phase]) => [
    title,
    ((phase.times.length / phase.wallMs) * 1000).toFixed(0),
    percentile(phase.times, 0.5).toFixed(2),
    percentile(phase.times, 0.99).toFixed(2),
    failuresIn(phase) || 'none',
  ])
  return aligned([['database', 'calls/s', 'p50 ms', 'p99 ms', 'failures'], ...lines])
}
