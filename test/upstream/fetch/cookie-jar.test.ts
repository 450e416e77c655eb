import { expect, test } from '@jest/globals'
import { CookieJar } from '../../../src/upstream/fetch/cookie-jar.ts'

const URL_OF = new URL('https://server.example/api/mcp')
let now = 0

function jarWith(...lines: string[]): CookieJar {
  now = Date.parse('2026-01-01T00:00:00Z')
  const jar = new CookieJar({ url: URL_OF, now: () => now })
  setIn(jar, ...lines)
  return jar
}

function setIn(jar: CookieJar, ...lines: string[]): void {
  jar.keep(URL_OF, { headers: new Headers(lines.map((line) => ['set-cookie', line])) })
}

test.each([
  [['a=1'], 'a=1'],
  [['a=1; Path=/; Secure; HttpOnly; SameSite=Lax', 'b="2"'], 'a=1; b="2"'],
  [['a=1', 'a=2'], 'a=2'],
  [['a=1; Max-Age=10'], 'a=1'],
  [['a=1', 'a=; Max-Age=0'], undefined],
  [['a=1', 'a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT'], undefined],
  [['a=1; Path=/other'], undefined],
  [['a=1; Path=/api'], 'a=1'],
  [['a=1; Path=/ap'], undefined],
  [['a'], undefined],
  [['=1'], undefined],
  [['a b=1'], undefined],
  [['a=1 2'], undefined],
  [[`a=${'x'.repeat(5000)}`], undefined],
])('%j gives %j', (lines, header) => {
  expect(jarWith(...lines).headerFor(URL_OF, null)).toBe(header)
})

test('a cookie that has expired is not sent', () => {
  const jar = jarWith('a=1; Max-Age=10')
  now += 10_000
  expect(jar.headerFor(URL_OF, null)).toBeUndefined()
})

test('only the newest twenty are kept', () => {
  const jar = jarWith(...Array.from({ length: 50 }, (_, i) => `c${i}=1`))
  expect(jar.headerFor(URL_OF, null)?.split('; ')).toEqual(
    Array.from({ length: 20 }, (_, i) => `c${i + 30}=1`),
  )
})

test.each([
  'http://server.example/api/mcp',
  'https://other.example/api/mcp',
  'https://server.example:8443/api/mcp',
])('nothing goes to, or comes from, another origin: %s', (other) => {
  const jar = jarWith('a=1')
  expect(jar.headerFor(new URL(other), null)).toBeUndefined()
  jar.keep(new URL(other), { headers: new Headers([['set-cookie', 'a=2']]) })
  expect(jar.headerFor(URL_OF, null)).toBe('a=1')
})
