import { afterEach, describe, expect, test } from '@jest/globals'
import type { GatewayError } from '../../../src/domain/errors/errors.ts'
import { programOf } from '../../support/server-definitions.ts'
import { callTool, Connecting } from './connecting.ts'
import { RecordingClient } from './recording-client.ts'

const connecting = new Connecting()
afterEach(() => connecting.closeAll())

function open(client?: RecordingClient): ReturnType<Connecting['open']> {
  return connecting.open(
    programOf('raw-stdio.ts', [''], { era: 'legacy' }),
    client === undefined ? {} : { client },
  )
}

describe('a server', () => {
  test('that nests what it announces deeper than anything can be written is not heard, and goes on', async () => {
    const { call, updates } = await open()
    expect(await call('deep-update')).toBe('updated')
    expect(updates).toEqual([])
  })

  test('that nests the data of an error so deeply has its error passed on without them', async () => {
    const { connection } = await open()
    const failure: unknown = await callTool(connection, 'deep-error').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'upstream_error' })
    expect((failure as GatewayError).facts.upstream).toEqual({ code: -1, message: 'no' })
  })

  test('cannot end the gateway by something that nobody can take', async () => {
    const client = new RecordingClient()
    client.tell = () => {
      throw new Error('it cannot be told')
    }
    const { call } = await open(client)
    expect(await call('say')).toBe('said')
  })
})
