import { expect, test } from '@jest/globals'
import { redactor } from '../../../src/upstream/connection/decorators/redaction.ts'
import { StderrLines } from '../../../src/upstream/stdio/stderr-lines.ts'

function linesOf(chunks: readonly (string | Buffer)[], redact = (text: string): string => text): string[] {
  const found: string[] = []
  const lines = new StderrLines({ redact, onLine: (line) => found.push(line) })
  for (const chunk of chunks) lines.push(Buffer.from(chunk as string))
  lines.end()
  return found
}

test('lines are whole however they come in, and the last one needs no end', () => {
  const bytes = Buffer.from('größe\nzwei\n')
  const split = [bytes.subarray(0, 3), bytes.subarray(3, 8), bytes.subarray(8)]
  expect(linesOf([...split, 'a', 'b\nc'])).toEqual(['größe', 'zwei', 'ab', 'c'])
})

test('blank lines and control characters are left out, indentation is not', () => {
  expect(linesOf(['\n \r\n\u001b[31m  at x\u0000\ty\u001b[0m\r\n'])).toEqual(['[31m  at x\ty[0m'])
})

test('a secret is taken out also where it comes in two chunks', () => {
  const redact = redactor({ secrets: ['hunter2'] })
  expect(linesOf(['key hun', 'ter2 is wrong\n'], redact)).toEqual(['key *** is wrong'])
})

test('of a line without an end only the beginning is kept, and no part of a secret that is cut there', () => {
  const redact = redactor({ secrets: ['s3cr3t-value'] })
  const flood = 'x'.repeat(65_536)
  const [line = '', next] = linesOf([`${'a'.repeat(3995)}s3cr3t-value`, flood, flood, '\nnext\n'], redact)
  expect(line.length).toBe(4001)
  expect(line.endsWith('aa***xx…')).toBe(true)
  expect(next).toBe('next')
})
