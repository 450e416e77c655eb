import { afterEach, expect, test } from '@jest/globals'
import { systemClock as clock } from '../../../src/domain/clock.ts'
import { type ProbeState, type ProbeThread, startProbes } from '../../../src/http/probes/probe-thread.ts'
import { eventually } from '../../support/eventually.ts'

let probes: ProbeThread | undefined

afterEach(() => probes?.close())

test('probes at a port of their own say what the gateway says, and answer while it is busy', async () => {
  let state: ProbeState = { isReady: false, body: '{"status":"not ready"}' }
  probes = await startProbes({ host: '127.0.0.1', port: 0, stateOf: () => state, clock })
  const ask = async (path: string): Promise<[number, string, retryAfter: string | null]> => {
    const answer = await fetch(`http://127.0.0.1:${probes?.port}${path}`)
    return [answer.status, await answer.text(), answer.headers.get('retry-after')]
  }
  expect([await ask('/healthz'), await ask('/readyz'), (await ask('/metrics'))[0]]).toEqual([
    [200, '{"status":"ok"}', null],
    [503, '{"status":"not ready"}', '1'],
    404,
  ])
  state = { isReady: true, body: '{"status":"ready"}' }
  probes.say()
  await eventually(async () => (await ask('/readyz'))[0] === 200)
})

test('a port that is taken is an error', async () => {
  probes = await startProbes({
    host: '127.0.0.1',
    port: 0,
    stateOf: () => ({ isReady: true, body: '' }),
    clock,
  })
  const { port } = probes
  await expect(
    startProbes({ host: '127.0.0.1', port, stateOf: () => ({ isReady: true, body: '' }), clock }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
