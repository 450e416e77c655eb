import { expect, test } from '@jest/globals'
import { nearNames } from '../../../src/domain/text/near-names.ts'

const NAMES = ['files_read_file', 'files_write_file', 'mail_send', 'mail_list', 'time_now']

test.each([
  ['files_raed_file', ['files_read_file']],
  ['files.read-file', ['files_read_file']],
  ['Mail_Send', ['mail_send']],
  ['mail_sent', ['mail_send']],
  ['send', ['mail_send']],
  ['read_file', ['files_read_file']],
  ['xyz', []],
  ['', []],
  ['x'.repeat(200), []],
])('near %s are %j', (asked, near) => {
  expect(nearNames(asked, NAMES)).toEqual(near)
})

test('at most three are given, the nearest first', () => {
  expect(nearNames('tool_1', ['tool_19', 'tool_2', 'tool_3', 'tool_4', 'tool_1x'])).toHaveLength(3)
  expect(nearNames('abcdefgh', ['abcdefxx', 'abcdefgx'])).toEqual(['abcdefgx', 'abcdefxx'])
})
