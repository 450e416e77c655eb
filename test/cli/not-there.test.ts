import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { commandLine } from '../support/command-line.ts'
import { eventually } from '../support/eventually.ts'
import { everything } from '../support/relayed-everything.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const down = { transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp', requiredRoles: ['reader'] }

let gateway: TestGateway
let tg: ReturnType<typeof commandLine>

beforeAll(async () => {
  gateway = await startTestGateway({ everything, down, lost: down }, { wait: false })
  tg = commandLine(gateway.url, await gateway.token({ roles: ['reader', 'operator'] }))
  await eventually(async () => (await tg('tools', 'list')).out !== '', { what: 'the tools of everything' })
})

afterAll(() => gateway.close())

test('a list of all tools names every server that is unavailable, that of one server no other', async () => {
  const missing = 'missing from the list, because they are unavailable: '
  const none = 'no tools that match for this token, which has the roles reader, operator\n'
  expect((await tg('tools', 'list')).err).toBe(`${missing}down, lost\n`)
  const { code, out, err } = await tg('tools', 'list', '--server', 'everything')
  expect([code, err]).toEqual([0, ''])
  expect(out).toContain('everything_echo\t')
  const [first, state, ...rest] = (await tg('tools', 'list', '--server', 'down')).err.split(/(?<=\n)/)
  expect([first, ...rest]).toEqual([none, `${missing}down\n`])
  expect(state).toMatch(/^ {2}down: \w+, needs reader\n$/)
  expect((await tg('tools', 'list', '--server', 'nope')).err).toBe(
    `${none}no server nope is in use; to see those that are: servers list\n`,
  )
})
