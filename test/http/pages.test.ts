import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { ERRORS } from '../../src/domain/errors/error-table.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'

let app: TestApp

beforeAll(async () => {
  app = await openTestApp({}, { env: { PUBLIC_URL: 'https://gateway.example/tools/' } })
})

afterAll(() => app.close())

const page = async (path: string): Promise<{ status: number; text: string; headers: Headers }> => {
  const response = await fetch(app.url + path)
  return { status: response.status, text: await response.text(), headers: response.headers }
}

test('each error has a page that needs no token, and problem details lead to it', async () => {
  const { body } = await app.rest(undefined, 'GET', '/v1/tools')
  expect(body['type']).toBe('https://gateway.example/tools/errors/missing_token')
  for (const [code, { title }] of Object.entries(ERRORS)) {
    const { status, text } = await page(`/errors/${code}`)
    expect([code, status]).toEqual([code, 200])
    expect(text).toContain(`<h1>${title.replaceAll("'", '&#39;').replaceAll('"', '&quot;')}</h1>`)
  }
  expect((await page('/errors')).text).toContain('href="/tools/errors/tool_not_found"')
})

test('a code that does not exist has a page with those near it, and nothing of it is markup', async () => {
  const { status, text } = await page('/errors/tool_not_fuond')
  expect(status).toBe(404)
  expect(text).toContain('href="/tools/errors/tool_not_found"')
  expect((await page('/errors/%3Cscript%3E')).text).not.toContain('<script>')
  expect((await page('/errors/constructor')).status).toBe(404)
})

test('the page to try the API on runs scripts of the gateway only, and finds its files', async () => {
  const { status, text, headers } = await page('/docs/api')
  expect(status).toBe(200)
  expect(headers.get('content-security-policy')).toContain("script-src 'self'; ")
  const files = [...text.matchAll(/(?:src|href|data-document)="\/tools([^"]+)"/g)].map(
    ([, path = '']) => path,
  )
  expect(files).toEqual([
    '/docs/api/swagger-ui.css',
    '/docs/api/page.css',
    '/docs/api/openapi.json',
    '/docs/api/swagger-ui-bundle.js',
    '/docs/api/page.js',
  ])
  for (const path of files) {
    const file = await page(path)
    expect([path, file.status]).toEqual([path, 200])
    expect(file.headers.get('content-type')).toMatch(/css|javascript|json/)
  }
  expect(text).not.toMatch(/<script>|onclick|style=/)
})
