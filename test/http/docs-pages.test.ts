import { globSync, readFileSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { docsPages } from '../../src/http/pages/docs-pages.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const docs = join(import.meta.dirname, '../../docs')
let app: TestApp

beforeAll(async () => {
  app = await openTestApp({}, { env: { PUBLIC_URL: 'https://gateway.example/tools/' } })
})

afterAll(() => app.close())

const page = async (path: string): Promise<{ status: number; text: string; headers: Headers }> => {
  const response = await fetch(app.url + path)
  return { status: response.status, text: await response.text(), headers: response.headers }
}

test('every page of the documentation is served as HTML and as Markdown, without a token', async () => {
  const files = globSync('**/*.md', { cwd: docs })
  expect(files.length).toBeGreaterThan(40)
  for (const file of files) {
    const markdown = await page(`/docs/${file}`)
    expect([file, markdown.status, markdown.text]).toEqual([
      file,
      200,
      readFileSync(join(docs, file), 'utf8'),
    ])
    expect(markdown.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    const { status, text } = await page(`/docs/${file.replace(/(^|\/)README\.md$/, '').replace(/\.md$/, '')}`)
    expect([file, status]).toEqual([file, 200])
    expect(text).toMatch(/<h1 id="[^"]+">/)
  }
})

test('every link of a page leads to a page with that anchor, and a page loads and runs nothing', async () => {
  const dead: string[] = []
  const seen = new Map<string, string>()
  const textOf = async (path: string): Promise<string> => {
    const text = seen.get(path) ?? (await page(path)).text
    seen.set(path, text)
    return text
  }
  for (const start of ['/docs', '/docs/runbooks', '/docs/clients', '/docs/recipes/laptop']) {
    const text = await textOf(start)
    expect(text).not.toMatch(/<(?:script|img|iframe|link)\b|\son\w+=|\sstyle=/)
    for (const [, link = ''] of text.matchAll(/href="\/tools(\/docs[^"]*)"/g)) {
      const [path = '', anchor] = link.split('#')
      const target = await textOf(path)
      if (
        target.includes('<title>Unknown page') ||
        (anchor !== undefined && !target.includes(`id="${anchor}"`))
      )
        dead.push(`${start}: ${link}`)
    }
  }
  expect(seen.size).toBeGreaterThan(30)
  expect(dead).toEqual([])
})

test('pages have a policy that allows nothing but their own style', async () => {
  const { headers } = await page('/docs/registry')
  expect(headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'$/,
  )
  expect(headers.get('x-content-type-options')).toBe('nosniff')
})

test('llms.txt names the pages, each with what it is about', async () => {
  const { text, headers } = await page('/llms.txt')
  expect(headers.get('content-type')).toBe('text/plain; charset=utf-8')
  expect(text).toMatch(/^# Tool Gateway\n\n> One authenticated, filtered, audited endpoint/)
  expect(text).toMatch(/^- \[Runbooks\]\(\/tools\/docs\/runbooks\.md\): One section for each alert/m)
})

test.each([
  '/docs/nothing',
  '/docs/../package.json',
  '/docs/%2e%2e%2fpackage.json',
  '/docs/..%2fREADME.md',
  '/docs/images/dashboard.png',
  '/docs/constructor',
])('%s leads to no file', async (path) => {
  const { port } = new URL(app.url)
  const asked = request({ port, path, host: '127.0.0.1' }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  answer.resume()
  expect([401, 404]).toContain(answer.statusCode)
})

test('a link out of the folder, markup in a page, and a folder that is missing give nothing away', async () => {
  await using folder = await temporaryDirectory()
  await mkdir(join(folder.path, 'docs'))
  await writeFile(join(folder.path, 'secret.md'), '# Secret')
  await symlink(join(folder.path, 'secret.md'), join(folder.path, 'docs/linked.md'))
  await writeFile(
    join(folder.path, 'docs/page.md'),
    '# A <b>page</b>\n\n<script>x()</script>\n\n[out](../secret.md)\n',
  )
  const routes = express()
    .use('/here', docsPages({ publicUrl: 'https://gateway.example', folder: join(folder.path, 'docs') }))
    .use('/none', docsPages({ publicUrl: 'https://gateway.example', folder: join(folder.path, 'none') }))
  const server = createServer(routes).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const answer = async (path: string): Promise<[number, string]> => {
    const response = await fetch(url + path)
    return [response.status, await response.text()]
  }
  const [status, text] = await answer('/here/docs/page')
  expect(status).toBe(200)
  expect(text).toContain('&lt;script&gt;')
  expect(text).not.toMatch(/<script|<b>|href="[^"]*secret/)
  expect((await answer('/here/docs/linked'))[0]).toBe(404)
  expect((await answer('/none/docs'))[0]).toBe(404)
  server.closeAllConnections()
  server.close()
})
