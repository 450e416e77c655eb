import type { Connection } from '../connection.ts'

/**
 * A connection that delegates everything to another, except for `changes`. A spread would lose the methods of a class.
 */
export function wrapped(connection: Connection, changes: Partial<Connection>): Connection {
  const { era, protocolVersion, capabilities, instructions, serverInfo, pid } = connection
  return {
    era,
    protocolVersion,
    capabilities,
    instructions,
    serverInfo,
    pid,
    request: (method, params, options) => connection.request(method, params, options),
    notify: (method, params) => connection.notify(method, params),
    watchResources: (uris, change) => connection.watchResources(uris, change),
    close: () => connection.close(),
    ...(connection.requestRaw !== undefined && { requestRaw: connection.requestRaw.bind(connection) }),
    ...changes,
  }
}
