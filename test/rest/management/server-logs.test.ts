import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { openTestApp, type TestApp } from '../../support/test-app.ts'

const OFF = { transport: 'stdio', command: 'node', enabled: false }

let app: TestApp

beforeAll(async () => {
  app = await openTestApp({ ours: OFF, theirs: { ...OFF, tenantId: 'acme' } })
})

afterAll(() => app.close())

test('a tenant follows 16 logs at a time, while others follow theirs, and may follow another one as soon as one ends', async () => {
  const ours = await app.token({ roles: ['operator'] })
  const theirs = await app.token({ roles: ['operator'], tenantId: 'acme' })
  const end = new AbortController()
  const follow = (token: string, name: string, query = '?follow=true'): Promise<Response> =>
    fetch(`${app.url}/v1/servers/${name}/logs${query}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
      signal: end.signal,
    })
  const followed = await Promise.all(Array.from({ length: 16 }, () => follow(ours, 'ours')))
  expect(new Set(followed.map(({ status }) => status))).toEqual(new Set([200]))

  const refused = await follow(ours, 'ours')
  expect(refused.status).toBe(429)
  expect(await refused.json()).toMatchObject({
    code: 'too_many_requests',
    detail: 'Too many follow logs already; 16 at a time for a tenant',
    retryAfterMs: 2000,
  })
  expect((await follow(ours, 'ours', '')).status).toBe(200)
  expect((await follow(theirs, 'theirs')).status).toBe(200)

  await followed[0]?.body?.cancel()
  await eventually(async () => (await follow(ours, 'ours')).status === 200, { what: 'a place being free' })
  end.abort()
})
