import { inspect } from 'node:util'
import { expect, test } from '@jest/globals'
import { withoutSecrets } from '../../../src/upstream/connection/decorators/redacted-connection.ts'
import { redactedError, redactor } from '../../../src/upstream/connection/decorators/redaction.ts'
import { StderrBuffer } from '../../../src/upstream/stdio/stderr-buffer.ts'
import { isSessionLost } from '../../../src/upstream/connection/upstream-error.ts'
import { server } from '../../support/offers.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'
import { FakeConnection, sessionLost, upstreamError } from '../fake-connection.ts'

test('secrets of any length go, in every form; short values of the document stay', () => {
  const redact = redactor({ secrets: ['a+b/"c"', 'xy'], literals: ['literal-value', 'short'] })
  const forms = ['a+b/"c"', String.raw`a+b/\"c\"`, 'a%2Bb%2F%22c%22', 'YStiLyJjIg', 'xy', 'literal-value']
  for (const form of forms) expect(redact(`<${form}>`)).toBe('<***>')
  expect(redact('short words')).toBe('short words')
})

test('the longer of two values that begin alike goes first', () => {
  expect(redactor({ secrets: ['abc', 'abcdef'] })('abcdef')).toBe('***')
})

test('a value of several lines goes line by line', () => {
  const redact = redactor({ secrets: ['-----BEGIN-----\nMIIcanary\n-----END-----'] })
  expect(redact('bad line: MIIcanary!')).toBe('bad line: ***!')
})

test('without values a text stays as it is', () => {
  expect(redactor({ secrets: [''] })('text')).toBe('text')
})

test('an error keeps name, code and causes, and loses the values and all else', () => {
  const inner = Object.assign(new Error('said canary'), { code: 'E1', data: { body: 'canary' } })
  const outer = Object.assign(new TypeError('sent canary', { cause: inner }), { request: ['canary'] })
  const copy = redactedError(outer, redactor({ secrets: ['canary'] }))
  expect(copy).toMatchObject({
    name: 'TypeError',
    message: 'sent ***',
    cause: { message: 'said ***', code: 'E1' },
  })
  expect(inspect(copy, { depth: 10 })).not.toContain('canary')
  expect(redactedError('canary', redactor({ secrets: ['canary'] })).message).toBe('***')
})

test('a cause without end has one', () => {
  const loop = new Error('a')
  loop.cause = loop
  expect(
    inspect(
      redactedError(loop, (text) => text),
      { depth: 20 },
    ).length,
  ).toBeLessThan(100_000)
})

test('the last line of a process is redacted before it is cut, also where its beginning was lost', () => {
  const redact = redactor({ secrets: ['canary-of-forty-characters-abcdefghijklm'] })
  const buffer = new StderrBuffer({ limitBytes: 100, redact })
  buffer.push(Buffer.from(`${'x'.repeat(80)} canary-of-forty-characters-abcdefghijklm yz${'x'.repeat(70)}\n`))
  expect(buffer.tellingLine()).toBeUndefined()
  buffer.push(Buffer.from('\u001b[1mcanary-of-forty-\u0000characters-abcdefghijklm\n'))
  expect(buffer.tellingLine()).toBe('[1m***')
})

test('a connection passes everything on, and its errors without the values', async () => {
  const connection = new FakeConnection({
    'tools/call': () => Promise.reject(sessionLost()),
    echo: (params) => params ?? {},
  })
  connection.agree = () => {
    const failure = upstreamError(-32_050)
    return Promise.reject(Object.assign(failure, { message: 'no canary here' }))
  }
  const redacted = withoutSecrets(connection, { server: server(), secrets: ['canary'], logger })
  const options = { signal: undefined, timeoutMs: 1000 }
  expect(await redacted.request('echo', { said: 'canary' }, options)).toEqual({ said: 'canary' })
  redacted.notify('notifications/roots/list_changed', undefined)
  expect(connection.notified).toEqual([{ method: 'notifications/roots/list_changed', params: undefined }])
  await expect(redacted.watchResources(new Set(['a://b']))).rejects.toMatchObject({
    code: 'upstream_error',
    message: 'no *** here',
  })
  expect(connection.watched).toEqual([['a://b']])
  const lost: unknown = await redacted.request('tools/call', {}, options).catch((error: unknown) => error)
  expect(isSessionLost(lost)).toBe(true)
})
