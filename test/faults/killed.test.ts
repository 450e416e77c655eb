import { afterEach, expect, test } from '@jest/globals'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { ReplicaFleet } from './replica-fleet.ts'

let fleet: ReplicaFleet | undefined

afterEach(async () => {
  await fleet?.close()
})

describeWithEmulator('a gateway that is killed', () => {
  test('while a call runs that changes something has a record of it after its restart: its outcome is unknown', async () => {
    fleet = await ReplicaFleet.start({ project: 'demo-killed-intent', replicas: 1 })
    const token = await fleet.token()
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const call = (id: string, ms: number): Promise<Response> =>
      fetch(`${fleet?.urls[0]}/v1/tools/ledger_slow`, {
        method: 'POST',
        headers: { ...headers, 'x-request-id': id },
        body: JSON.stringify({ arguments: { id, ms } }),
      })
    expect((await call('answered', 1)).status).toBe(200)
    const cut = call('interrupted', 20_000).catch(() => 'cut')
    await eventually(async () => (await fleet?.ledger())?.includes('interrupted'))
    await fleet.kill(0)
    expect(await cut).toBe('cut')
    await fleet.restart(0)
    const outcomes = await eventually(async () => {
      const answer = await fetch(`${fleet?.urls[0]}/v1/audit?target=ledger_slow`, { headers })
      const { records } = (await answer.json()) as { records: { requestId: string; outcome: string }[] }
      return records.length === 2 && records.map(({ requestId, outcome }) => [requestId, outcome])
    })
    expect(outcomes).toEqual([
      ['interrupted', 'unknown'],
      ['answered', 'ok'],
    ])
  })
})
