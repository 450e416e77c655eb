import { beforeEach, describe, expect, test } from '@jest/globals'
import { Server, type ServerContext } from '@modelcontextprotocol/server'
import { LegacySession } from '../../../src/mcp/session/legacy-session.ts'
import { answeredCalls, caller, methodOf } from '../../support/routing.ts'

/** A subscription that a server is asked for; the test says when and how it answers. */
interface Asked {
  readonly uri: string
  readonly agree: () => void
  readonly refuse: (error: Error) => void
}

let asked: Asked[]
/** Subscriptions that stand at the server. */
let standing: Set<Asked>
let session: LegacySession

beforeEach(() => {
  asked = []
  standing = new Set()
  const calls = answeredCalls(async ({ operation }) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const it: Asked = { uri: operation.name, agree: resolve, refuse: reject }
    asked.push(it)
    await promise
    standing.add(it)
    operation.watch?.onWatching(() => standing.delete(it))
    return {}
  })
  const server = new Server({ name: 'gateway', version: '1' })
  session = new LegacySession({ server, calls, scope: undefined, isReachable: () => true })
})

function request(method: string, uri = 'x://a'): Promise<unknown> {
  const context = { mcpReq: { signal: new AbortController().signal } } as ServerContext
  return session.answer({ method: methodOf(method), params: { uri }, caller: caller(), context })
}

const subscribe = (): Promise<unknown> => request('resources/subscribe')
const unsubscribe = (): Promise<unknown> => request('resources/unsubscribe')

describe('a subscription', () => {
  test('stands once, however often it is asked for, and ends with the session', async () => {
    const first = subscribe()
    const second = subscribe()
    asked[0]?.agree()
    await Promise.all([first, second, subscribe()])
    expect([asked.length, standing.size]).toEqual([1, 1])
    session.end()
    expect(standing.size).toBe(0)
  })

  test('is refused when the URIs of all no longer fit into a note, until another one ends', async () => {
    const uriOf = (index: number): string => `x://${index}/`.padEnd(8000, 'z')
    const made = Array.from({ length: 30 }, (_, index) => request('resources/subscribe', uriOf(index)))
    for (const { agree } of asked) agree()
    await Promise.all(made)
    await expect(request('resources/subscribe', uriOf(30))).rejects.toMatchObject({
      code: 'invalid_arguments',
      message: 'The URIs that a session is subscribed to have at most 240 KiB together',
    })
    await request('resources/unsubscribe', uriOf(0))
    const last = request('resources/subscribe', uriOf(30))
    asked[30]?.agree()
    expect(await last).toEqual({})
  })

  test('that is given up and wanted again while it is made leaves nothing behind', async () => {
    const first = subscribe()
    await unsubscribe()
    const second = subscribe()
    asked[1]?.agree()
    await second
    asked[0]?.agree()
    await first
    expect([...standing]).toEqual([asked[1]])
    session.end()
    expect(standing.size).toBe(0)
  })

  test('that is wanted again is not lost when the one given up fails', async () => {
    const first = subscribe()
    await unsubscribe()
    const second = subscribe()
    asked[0]?.refuse(new Error('no'))
    await expect(first).rejects.toThrow('no')
    asked[1]?.agree()
    await second
    expect([...standing]).toEqual([asked[1]])
  })

  test('that fails is said to have failed to everybody who asked for it, and can be asked for again', async () => {
    const both = [subscribe(), subscribe()]
    asked[0]?.refuse(new Error('no'))
    for (const outcome of await Promise.allSettled(both)) expect(outcome.status).toBe('rejected')
    const again = subscribe()
    asked[1]?.agree()
    expect(await again).toEqual({})
  })

  test('is released if the session ends before the server accepts it', async () => {
    const late = subscribe()
    session.end()
    asked[0]?.agree()
    await late
    expect(standing.size).toBe(0)
  })
})

test('a method that does not concern the session is unknown to it', async () => {
  await expect(request('tools/call')).rejects.toMatchObject({ code: 'method_not_found' })
})

test('a subscription to a URI of more than 8192 characters is refused', async () => {
  await expect(request('resources/subscribe', `x://${'a'.repeat(8189)}`)).rejects.toMatchObject({
    code: 'invalid_arguments',
    message: 'uri must have at most 8192 characters',
  })
  expect(asked).toEqual([])
})
