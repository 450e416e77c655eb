import { afterEach, expect, test } from '@jest/globals'
import { loadSettings } from '../src/config/load.ts'
import { Welcome } from '../src/welcome.ts'
import { eventually } from './support/eventually.ts'
import { startTestGateway, type TestGateway } from './support/start-gateway.ts'

let world: TestGateway | undefined
afterEach(async () => world?.close())

const PROGRAM = { transport: 'stdio', command: process.execPath }

test('addresses and token are shown at once and in one piece, however slow a server is, then each server', async () => {
  const slow = { ...PROGRAM, args: ['-e', 'setInterval(() => {}, 1000)'] }
  const broken = { ...PROGRAM, command: '/no/such/program' }
  world = await startTestGateway({ slow, broken }, { wait: false })
  const printed: string[] = []
  const settings = loadSettings({ DATA_DIR: world.dataDir })
  const welcome = new Welcome({ print: (text) => printed.push(text), settings })
  const { gateway } = world
  await welcome.started(gateway)
  expect(printed).toHaveLength(1)
  expect(printed[0]).toContain(`${world.url}/mcp`)
  expect(printed[0]).toMatch(/TOKEN=ey/)
  const status = await eventually(() => gateway.statuses().find(({ state }) => state === 'backing_off'))
  welcome.serverState(status)
  welcome.serverState(status)
  expect(printed.slice(1)).toEqual([expect.stringContaining('broken is not ready: the command /no/such')])
})
