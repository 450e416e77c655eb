import type { Connection } from '../connection.ts'

/** A connection that does everything as another one does, but for `changes`. A spread would lose what a class has. */
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
    watchResources: (uris) => connection.watchResources(uris),
    close: () => connection.close(),
    ...changes,
  }
}
