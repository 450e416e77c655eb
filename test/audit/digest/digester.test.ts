import { createHmac } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { argumentsDigest } from '../../../src/audit/digest/arguments-digest.ts'
import { Digester } from '../../../src/audit/digest/digester.ts'
import type { Logger } from '../../../src/telemetry/logger.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const KEY = Buffer.alloc(32, 7)

function digesting(logger = silentLogger): Digester & AsyncDisposable {
  const digester = new Digester({ key: KEY, logger })
  return Object.assign(digester, { [Symbol.asyncDispose]: () => digester.close() })
}

const hmac = (text: string): string => createHmac('sha256', KEY).update(text).digest('hex')

test('pins the digest of arguments, which auditors compare across records', () => {
  const digestOf = argumentsDigest(KEY)
  expect(digestOf(' { "path" : "a.txt", "n": 1 } ')).toBe(hmac('{"n":1,"path":"a.txt"}'))
  expect(digestOf('not json')).toBe(hmac('not json'))
  expect(argumentsDigest(Buffer.alloc(32, 8))('{}')).not.toBe(hmac('{}'))
})

test('short arguments have their digest at once, long ones from a thread, the same way', async () => {
  await using digester = digesting()
  expect(digester.digestOf('{"b":1,"a":[{"d":1,"c":2}]}')).toBe(hmac('{"a":[{"c":2,"d":1}],"b":1}'))
  const long = 'x'.repeat(100_000)
  const digest = digester.digestOf(`{"b":1,"a":"${long}"}`)
  expect(digest).toBeInstanceOf(Promise)
  expect(await digest).toBe(hmac(`{"a":"${long}","b":1}`))
})

test('the digest of long arguments is that of their names, whatever others called theirs', async () => {
  await using digester = digesting()
  const long = 'x'.repeat(100_000)
  await digester.digestOf(String.raw`{"a":"${long}","\\":1}`)
  const text = String.raw`{"a":"${long}","\"":1}`
  expect(await digester.digestOf(text)).toBe(hmac(String.raw`{"\"":1,"a":"${long}"}`))
})

test('arguments that are no JSON, or nested without an end, have a digest too', async () => {
  await using digester = digesting()
  for (const text of ['', 'no json', '['.repeat(100_000), '['.repeat(100_000) + ']'.repeat(100_000)])
    expect(await digester.digestOf(text)).toMatch(/^[0-9a-f]{64}$/)
})

test('without its thread the digest is computed all the same, and the log says so', async () => {
  const told: unknown[] = []
  const logger = { ...silentLogger, error: (...said: unknown[]) => told.push(said[1]) } as unknown as Logger
  await using digester = digesting(logger)
  const text = 'x'.repeat(100_000)
  const underWay = digester.digestOf(text)
  await Promise.all([digester.close(), digester.close()])
  expect(await underWay).toBe(hmac(text))
  expect(await digester.digestOf(text)).toBe(hmac(text))
  expect(told).toEqual([
    'a digest of arguments was computed on the main thread',
    'a digest of arguments was computed on the main thread',
  ])
})
