import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { cookieOf, csrfOf } from './sign-in.ts'

let app: TestApp
let cookie: string
beforeAll(async () => {
  app = await openTestApp({})
  cookie = cookieOf(app, ['reader', 'operator'])
  const wait = { id: 'wait', enhance: { prompt: '${input.name}' } }
  const properties = { name: { type: 'string' } }
  const greet = { inputSchema: { type: 'object', properties, required: ['name'] }, steps: [wait] }
  await writeFile(join(app.dataDir, 'registry.json'), JSON.stringify({ servers: {}, pipelines: { greet } }))
  await eventually(async () => (await open('/dashboard/pipelines')).text.includes('greet'))
})
afterAll(() => app.close())

async function open(path: string, as = cookie) {
  return await app.request.get(path).set({ accept: 'text/html', cookie: as })
}

describe('a pipeline', () => {
  test('is run from a form of its schema, and the page of the run shows its steps, and cancelling until its end', async () => {
    expect((await open('/dashboard/pipelines/greet')).text).toContain('name="arg/name"')
    const csrf = await csrfOf(app, cookie)
    const started = await app.request
      .post('/dashboard/pipelines/greet')
      .type('form')
      .set({ cookie })
      .send({ csrf, 'arg/name': 'Ann' })
    expect(started.status).toBe(303)
    const path = String(started.headers['location'])
    expect(path).toMatch(/^\/dashboard\/pipelines\/runs\/[\w-]+$/)
    await eventually(async () => (await open(path)).text.includes('succeeded'))
    const { text } = await open(path)
    expect(text).toContain('wait')
    expect(text).not.toContain('Cancel')
    expect((await open('/dashboard/pipelines')).text).toContain(path)
  })

  test('has runs that nobody else sees', async () => {
    const other = cookieOf(app, ['reader'])
    expect((await open('/dashboard/pipelines', other)).text).toContain('You have not run a pipeline yet')
  })
})
