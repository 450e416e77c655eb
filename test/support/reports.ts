import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eventually } from './eventually.ts'

/** What servers tell a test about the calls that they have, wherever they run. Each call has a name of its own. */
export interface Reports {
  readonly url: string
  /** Calls that a server has begun, in order. */
  readonly begun: readonly string[]
  /** Calls that ended because they were cancelled, in order. */
  readonly cancelled: readonly string[]
  /** How often servers are asked at present to report changes of a resource: each subscription and each stream counts. */
  readonly watchesOf: (uri: string) => number
  /** Lets all calls go on that wait for it, now and later. */
  readonly release: () => void
  readonly waitForBegun: (...calls: string[]) => Promise<unknown>
  readonly waitForCancelled: (...calls: string[]) => Promise<unknown>
  readonly close: () => Promise<void>
}

export async function collectReports(): Promise<Reports> {
  const begun: string[] = []
  const cancelled: string[] = []
  const watches = new Map<string, number>()
  const released = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    const [, what, call] = (request.url ?? '').split('/').map(decodeURIComponent)
    if (what === 'begun') begun.push(call ?? '')
    if (what === 'cancelled') cancelled.push(call ?? '')
    if (what === 'watched' || what === 'unwatched') {
      const uri = call ?? ''
      watches.set(uri, (watches.get(uri) ?? 0) + (what === 'watched' ? 1 : -1))
    }
    if (what === 'released') void released.promise.then(() => response.end())
    else response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const all = (calls: string[], among: string[], what: string): Promise<unknown> =>
    eventually(() => calls.every((call) => among.includes(call)), {
      what: `${calls.join(', ').slice(0, 100)} ${what}`,
    })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    begun,
    cancelled,
    watchesOf: (uri) => watches.get(uri) ?? 0,
    release: released.resolve,
    waitForBegun: (...calls) => all(calls, begun, 'begun upstream'),
    waitForCancelled: (...calls) => all(calls, cancelled, 'cancelled upstream'),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
