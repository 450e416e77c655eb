import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { commandLine } from '../support/command-line.ts'
import { eventually } from '../support/eventually.ts'
import { everything } from '../support/relayed-everything.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const down = { transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp', requiredRoles: ['reader'] }
const greet = { steps: [{ id: 'echo', tool: 'everything_echo', arguments: { message: 'hello' } }] }

let gateway: TestGateway
let tg: ReturnType<typeof commandLine>

beforeAll(async () => {
  gateway = await startTestGateway({ everything, down, lost: down }, { wait: false, pipelines: { greet } })
  tg = commandLine(gateway.url, await gateway.token({ roles: ['reader', 'operator'] }))
  await eventually(async () => (await tg('tools', 'list')).out.includes('everything_'), {
    what: 'the tools of everything',
  })
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

test('a pipeline that is not there is called so, with the command that lists those that are', async () => {
  expect(await tg('pipelines', 'run', 'nope')).toEqual({
    code: 1,
    out: '',
    err: 'tool-gateway: tool_not_found: Unknown pipeline: nope\nThe pipelines that the token may run: tool-gateway pipelines list\n',
  })
  expect((await tg('pipelines', 'list')).out).toBe('greet\tpipeline_greet\tRuns the steps echo.\n')
  expect(await tg('pipelines', 'run', 'greet')).toMatchObject({ code: 0, err: '' })
})
