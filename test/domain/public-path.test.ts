import { expect, test } from '@jest/globals'
import { publicPath } from '../../src/domain/public-path.ts'

test.each([
  ['https://gateway.example', '/messages'],
  ['https://example.com/gw', '/gw/messages'],
  ['https://example.com/a/b/', '/a/b/messages'],
])('below %s a path is %s', (publicUrl, expected) => {
  expect(publicPath(publicUrl, '/messages')).toBe(expected)
})
