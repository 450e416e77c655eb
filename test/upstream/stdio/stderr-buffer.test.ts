import { expect, test } from '@jest/globals'
import { StderrBuffer } from '../../../src/upstream/stdio/stderr-buffer.ts'

test('keeps the last bytes, never more than its limit', () => {
  const buffer = new StderrBuffer({ limitBytes: 10 })
  for (const text of ['abcdef', 'ghijkl', 'mn']) buffer.push(Buffer.from(text))
  expect(buffer.text()).toBe('efghijklmn')
  buffer.push(Buffer.from('0123456789abcdef'))
  expect(buffer.text()).toBe('6789abcdef')
  expect(buffer.size).toBe(10)
})

test('gives the last line that says something, without control characters', () => {
  const buffer = new StderrBuffer({ limitBytes: 1000 })
  expect(buffer.tellingLine()).toBeUndefined()
  buffer.push(Buffer.from('first\n\u001b[31mfatal:\u0000 broken\u001b[0m\r\n \n'))
  expect(buffer.tellingLine()).toBe('[31mfatal: broken[0m')
})
