import { Writable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { createLogger, type Logger } from '../../src/telemetry/logger.ts'
import { eventually } from '../support/eventually.ts'

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl'

function collected(options: { level?: string; format?: 'json' | 'pretty' } = {}): {
  logger: Logger
  text: () => string
} {
  const chunks: string[] = []
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done): void {
      chunks.push(chunk.toString())
      done()
    },
  })
  const logger = createLogger({ level: 'info', format: 'json', ...options, destination })
  return { logger, text: () => chunks.join('') }
}

/** The one line that `write` logs. */
function lineOf(write: (logger: Logger) => void): unknown {
  const { logger, text } = collected()
  write(logger)
  return JSON.parse(text())
}

test('writes one JSON object per line, with level, time and text', () => {
  expect(lineOf((logger) => logger.info({ server: 'files', instance: 'files-1' }, 'ready'))).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    server: 'files',
    instance: 'files-1',
    msg: 'ready',
  })
})

describe('redaction', () => {
  test.each([
    ['at the top', { token: JWT }, { token: '[redacted]' }],
    [
      'nested',
      { a: { b: { c: { authorization: 'Bearer x' } } } },
      { a: { b: { c: { authorization: '[redacted]' } } } },
    ],
    ['in lists', { list: [{ apiKey: 'k' }] }, { list: [{ apiKey: '[redacted]' }] }],
    [
      'in any spelling',
      { 'Set-Cookie': 'a', client_secret: 'b' },
      { 'Set-Cookie': '[redacted]', client_secret: '[redacted]' },
    ],
    ['that are objects', { password: { a: 1 } }, { password: '[redacted]' }],
    [
      'in headers and environments of any name',
      { req: { headers: { 'x-odd': 'k' } }, env: { KEY: 'v' }, headers: ['a', 'b'] },
      { req: { headers: { 'x-odd': '[redacted]' } }, env: { KEY: '[redacted]' }, headers: '[redacted]' },
    ],
  ])('takes out secrets %s', (_what, logged, expected) => {
    expect(lineOf((logger) => logger.info(logged, 'x'))).toMatchObject(expected)
  })

  test('takes out secrets of child loggers', () => {
    const line = lineOf((logger) => logger.child({ upstream: { token: 'abc' } }).info('x'))
    expect(line).toMatchObject({ upstream: { token: '[redacted]' } })
  })

  test('takes out tokens that texts quote', () => {
    const line = JSON.stringify(
      lineOf((logger) =>
        logger.error(
          { err: new Error(`sent ${JWT}`) },
          `got ${JWT} and authorization: bearer abcdefghijklmnop123`,
        ),
      ),
    )
    expect(line).not.toContain('eyJhbGci')
    expect(line).not.toContain('abcdefghijklmnop123')
    expect(line).toContain('sent [redacted]')
  })

  test('leaves everything else as it is, and what was logged unchanged', () => {
    const logged = {
      tokens: 5,
      note: 'no bearer token given',
      when: new Date(0),
      none: null,
      nothing: undefined,
      nested: { token: 'abc' },
    }
    expect(lineOf((logger) => logger.info(logged, 'x'))).toMatchObject({
      tokens: 5,
      note: 'no bearer token given',
      when: '1970-01-01T00:00:00.000Z',
      none: null,
    })
    expect(logged.nested.token).toBe('abc')
  })

  test('ends in circles and depths', () => {
    const circle: Record<string, unknown> = { name: 'circle' }
    circle['self'] = circle
    expect(JSON.stringify(lineOf((logger) => logger.info({ circle }, 'x')))).toContain('[too deep]')
  })
})

describe('errors', () => {
  test('show their causes', () => {
    const error = new GatewayError('upstream_unavailable', 'files is down', {
      cause: new Error('ECONNREFUSED'),
      facts: { server: 'files' },
    })
    expect(lineOf((logger) => logger.error({ err: error }, 'failed'))).toMatchObject({
      err: {
        type: 'GatewayError',
        code: 'upstream_unavailable',
        message: 'files is down: ECONNREFUSED',
        stack: expect.stringContaining('caused by: Error: ECONNREFUSED'),
        facts: { server: 'files' },
      },
      msg: 'failed',
    })
  })

  test('are readable under any name, and without secrets', () => {
    const error = Object.assign(new Error('refused'), { config: { headers: { authorization: 'Bearer x' } } })
    expect(lineOf((logger) => logger.warn({ reason: error }, 'x'))).toMatchObject({
      reason: { message: 'refused', config: { headers: { authorization: '[redacted]' } } },
    })
    expect(lineOf((logger) => logger.error(error))).toMatchObject({
      msg: 'refused',
      err: { message: 'refused', config: { headers: { authorization: '[redacted]' } } },
    })
  })
})

test('writes nothing below its level, and nothing at all when silent', () => {
  const { logger, text } = collected({ level: 'warn' })
  logger.info('no')
  logger.warn('yes')
  expect(text().trim().split('\n')).toHaveLength(1)
  const silent = collected({ level: 'silent' })
  silent.logger.fatal('no')
  expect(silent.text()).toBe('')
})

test('refuses a level that does not exist', () => {
  expect(() => createLogger({ level: 'loud', format: 'json' })).toThrow(
    new TypeError('unknown log level loud: use one of trace, debug, info, warn, error, fatal, silent'),
  )
})

test('is readable for a person, without secrets', async () => {
  const { logger, text } = collected({ format: 'pretty' })
  logger.info({ server: 'files', token: JWT }, 'ready')
  await eventually(() => text() !== '')
  expect(text()).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: ready \{"server":"files","token":"\[redacted\]"\}\n$/)
})

test('at a terminal no line holds what could steer it', async () => {
  const { logger, text } = collected({ format: 'pretty' })
  const words = '\u001b]0;x\u0007\u001b[2J\u202e\u009b'
  logger.warn({ server: words, err: new Error(words) }, `it said: ${words}`)
  await eventually(() => text() !== '')
  expect(text()).toContain('it said: ]0;x[2J')
  expect(text()).not.toMatch(/[^\P{C}\n]/u)
})
