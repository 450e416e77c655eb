import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { redactText } from '../../src/telemetry/redaction.ts'

const TOKEN = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2ln-bmF0_dXJl'

test.each([
  [`Bearer ${TOKEN}`, 'Bearer [redacted]'],
  [`a ${TOKEN}, b ${TOKEN}.`, 'a [redacted], b [redacted].'],
  [`"token":"${TOKEN}"`, '"token":"[redacted]"'],
  [`session-${TOKEN}`, 'session-[redacted]'],
  [`host.example-name.${TOKEN}`, 'host.example-name.[redacted]'],
  [`eyJ-eyJ-${TOKEN}`, '[redacted]'],
  [TOKEN.slice(0, -12), '[redacted]'],
  [`neyJ ${TOKEN}`, 'neyJ [redacted]'],
  ['Bearer AbCdEfGhIjKlMnOpQr+/=', 'Bearer [redacted]'],
])('a token that a text quotes is not shown: %s', (text, shown) => {
  expect(redactText(text)).toBe(shown)
})

test.each(['nothing to hide', 'eyJvZmZzZXQiOjEwfQ', 'eyJvZmZzZXQiOjEwfQ.rest', 'eyJ.a.b', `x${TOKEN}`, ''])(
  'what is no token stays as it is: %s',
  (text) => {
    expect(redactText(text)).toBe(text)
  },
)

test('whatever the text, no token is left in it', () => {
  const part = fc.constantFrom('eyJ', 'abcdefgh', '.', '-', ' ', 'x', TOKEN, 'é')
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      expect(redactText(parts.join(''))).not.toMatch(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/)
    }),
  )
})

test('a megabyte of beginnings of tokens is done with at once', () => {
  for (const part of ['eyJ-', 'eyJabcdefgh-', 'eyJabcdefgh.', 'bearer ', 'aeyJ']) {
    const text = part.repeat(1_000_000 / part.length)
    const begin = performance.now()
    redactText(text)
    expect(performance.now() - begin).toBeLessThan(20_000)
  }
})
