import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { run } from '../../../src/cli/program.ts'
import { BridgeWorld, json, resultFor } from '../../support/bridge-world.ts'

let world: BridgeWorld

beforeEach(async () => {
  world = await BridgeWorld.open()
})

afterEach(() => world[Symbol.asyncDispose]())

describe('a token', () => {
  test('comes from a file, which is read again when the server refuses it', async () => {
    const path = join(world.home, 'token')
    await writeFile(path, 'first\n')
    world.answer = (response, { headers, body }) => {
      if (headers.authorization === 'Bearer second') return json(response, resultFor(body))
      void writeFile(path, 'second\n').then(() => response.writeHead(401).end())
    }
    const bridge = world.start(['--token-file', path])
    expect(await bridge.request(1, 'initialize')).toMatchObject({ result: {} })
  })

  test('in a file that stays refused is an error that names the file and the reason', async () => {
    const path = join(world.home, 'token')
    await writeFile(path, 'secret-token')
    world.answer = (response) =>
      void response
        .writeHead(401, {
          'www-authenticate': 'Bearer error="invalid_token", error_description="The token has expired."',
        })
        .end()
    const bridge = world.start(['--token-file', path])
    const refused = await bridge.request(1, 'initialize')
    expect(refused).toMatchObject({
      error: {
        message: `The sign-in failed: the server refuses the token in ${path}: The token has expired.`,
      },
    })
    expect(JSON.stringify(refused) + bridge.errors).not.toContain('secret-token')
  })

  test('comes from a header with a variable of the environment', async () => {
    const bridge = world.start(
      ['--header', 'Authorization: Bearer ${SECRET}', '--header', 'X-Team:  blue '],
      {
        SECRET: 's',
      },
    )
    await bridge.request(1, 'initialize')
    expect(world.seen[0]?.headers).toMatchObject({ authorization: 'Bearer s', 'x-team': 'blue' })
  })
})

test.each([
  [['http://gateway.example/mcp'], 'would get the token without encryption'],
  [['gateway.example'], 'expected an address as https://gateway.example/mcp'],
  [['http://127.0.0.1:1', '--header', 'broken'], 'expected "Name: value"'],
  [['http://127.0.0.1:1', '--header', 'A: ${NOT_THERE}'], 'the variable NOT_THERE is not set'],
])('a wrong command line %j ends with 64 and says why', async (args, message) => {
  let said = ''
  const context = { env: {}, print: () => undefined, printError: (text: string) => (said += text) }
  expect(await run(['connect', ...args], context)).toBe(64)
  expect(said).toContain(message)
})
