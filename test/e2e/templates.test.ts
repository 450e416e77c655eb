import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { everything } from '../support/documents.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const TEMPLATE = {
  configSchema: {
    type: 'object',
    required: ['greeting'],
    properties: { greeting: { type: 'string' }, port: { type: 'integer', default: 1 } },
  },
  server: {
    transport: everything.transport,
    package: everything.package,
    args: everything.args,
    env: { GREETING: '${config.greeting} ${config.port}' },
  },
}

let gateway: TestGateway
let operator: string

const writeTemplates = async (templates: object, servers: object): Promise<void> => {
  const path = join(gateway.dataDir, 'registry.json')
  await writeFile(`${path}.next`, JSON.stringify({ templates, servers }))
  await rename(`${path}.next`, path)
}
const environmentOf = async (server: string): Promise<string> => {
  const { body } = await gateway.rest(operator, 'POST', `/v1/tools/${server}_get-env`, { arguments: {} })
  return JSON.stringify(body)
}

beforeAll(async () => {
  gateway = await startTestGateway({})
  operator = await gateway.token({ roles: ['reader', 'operator'] })
  await writeTemplates({ greeter: TEMPLATE }, {})
})

afterAll(() => gateway.close())

test('an operator who may not write commands gets a server of a template that has one', async () => {
  const server = { name: 'hello', transport: 'template', templateName: 'greeter', config: { greeting: 'hi' } }
  const direct = { name: 'direct', ...everything }
  expect(await gateway.rest(operator, 'POST', '/v1/servers', direct)).toMatchObject({ status: 403 })
  const created = await eventually(async () => {
    const answer = await gateway.rest(operator, 'POST', '/v1/servers', server)
    return answer.status === 201 && answer
  })
  expect(created.body).toMatchObject({
    document: { transport: 'template', templateName: 'greeter', config: { greeting: '********' } },
  })
  await eventually(async () => (await environmentOf('hello')).includes('hi 1'))
})

test('what is wrong with a use of a template is said before it is written', async () => {
  const wrong = { name: 'wrong', transport: 'template', templateName: 'greeter', config: { port: 'x' } }
  expect(await gateway.rest(operator, 'POST', '/v1/servers', wrong)).toMatchObject({
    status: 422,
    body: { problems: ['config.greeting: is required', 'config.port: must be integer'] },
  })
  const launch = { ...wrong, config: { greeting: 'x' }, args: ['-e', 'x'], templateName: 'nothing' }
  expect((await gateway.rest(operator, 'POST', '/v1/servers', launch)).body).toMatchObject({
    problems: ['args: it is set by the template'],
  })
})

test('a masked value of a config is kept only while all others are what they were', async () => {
  const shown = await gateway.rest(operator, 'GET', '/v1/servers/hello')
  const document = shown.body['document'] as { config: object }
  const put = (config: object): ReturnType<TestGateway['rest']> =>
    gateway.rest(operator, 'PUT', '/v1/servers/hello', { ...document, config }, { 'if-match': '*' })
  expect(await put({ ...document.config, port: 7 })).toMatchObject({
    status: 422,
    body: { problems: ['config: the values of the template changed; enter the masked values again'] },
  })
  expect((await put(document.config)).status).toBe(200)
  expect((await put({ greeting: 'hi', port: 7 })).status).toBe(200)
  await eventually(async () => (await environmentOf('hello')).includes('hi 7'))
})

test('a change of the template changes its servers, live', async () => {
  const servers = {
    hello: { transport: 'template', templateName: 'greeter', config: { greeting: 'hi' } },
    other: { transport: 'template', templateName: 'greeter', config: { greeting: 'hey', port: 2 } },
  }
  await writeTemplates({ greeter: TEMPLATE }, servers)
  await eventually(async () => (await environmentOf('other')).includes('hey 2'))
  const server = { ...TEMPLATE.server, env: { GREETING: 'now ${config.greeting}' } }
  await writeTemplates({ greeter: { ...TEMPLATE, server } }, servers)
  await eventually(async () => (await environmentOf('hello')).includes('now hi'))
  await eventually(async () => (await environmentOf('other')).includes('now hey'))
  expect(await environmentOf('other')).not.toContain('hey 2')
})
