import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'

const PROGRAM = String.raw`
  import { run } from './src/cli/program.ts'
  await run(['--version'], { env: {}, print: () => true, printError: () => true })
  JSON.parse('{"x":1,"\\\\":1}')
  console.log(Object.keys(JSON.parse('{"x":1,"\\n":2}')))
`

test('a command reads names of members as they are written, whatever it read before', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM])
  expect(stdout).toBe(String.raw`[ 'x', '\n' ]` + '\n')
})
