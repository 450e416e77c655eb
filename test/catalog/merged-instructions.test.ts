import { expect, test } from '@jest/globals'
import { mergedInstructions } from '../../src/catalog/merged-instructions.ts'

test('each server has a section of its own, as it wrote it', () => {
  const parts = [
    { serverName: 'alpha', text: 'Be brief.\n\nAlways.' },
    { serverName: 'beta', text: '# Be kind' },
  ]
  expect(mergedInstructions(parts)).toBe('## alpha\nBe brief.\n\nAlways.\n\n## beta\n# Be kind')
})

test('servers that say nothing have none', () => {
  expect(mergedInstructions([])).toBeUndefined()
  expect(mergedInstructions([{ serverName: 'alpha', text: ' \n' }])).toBeUndefined()
})

test('what one server says is cut after 4 KiB, between characters, with a note', () => {
  const text = mergedInstructions([{ serverName: 'alpha', text: `xy${'🙂'.repeat(1024)}` }])
  expect(text).toBe(
    `## alpha\nxy${'🙂'.repeat(1023)}\n(Truncated after 4094 bytes. The full text is at /mcp/alpha.)`,
  )
})

test('4 KiB are not cut', () => {
  const text = 'x'.repeat(4096)
  expect(mergedInstructions([{ serverName: 'alpha', text }])).toBe(`## alpha\n${text}`)
})

test('all together have at most 16 KiB, and a note tells of how many are left out', () => {
  const parts = ['a', 'b', 'c', 'd', 'e'].map((serverName) => ({ serverName, text: 'ä'.repeat(2048) }))
  const text = mergedInstructions(parts) ?? ''
  expect(text.match(/^## .*$/gm)).toEqual(['## a', '## b', '## c'])
  expect(text).toMatch(/\n\n\(The instructions of 2 of 5 servers are left out\.\)$/)
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(16 * 1024)
})
