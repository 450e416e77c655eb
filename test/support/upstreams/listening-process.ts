/** Listens with the bounds on connections that the system's limits give; prints its port. It answers every request with ok. */
import { systemClock } from '../../../src/domain/clock.ts'
import { openConnections } from '../../../src/http/connections/descriptors.ts'
import { HttpListener } from '../../../src/http/listen.ts'
import { silentLogger } from '../silent-logger.ts'

const connections = await openConnections(
  { maxConnections: undefined, maxConnectionsPerAddress: undefined },
  { clock: systemClock, logger: silentLogger, onClose: () => undefined },
)
const listener = await HttpListener.open({ host: '127.0.0.1', port: 0, connections })
listener.serve((_request, response) => response.end('ok'))
process.stdout.write(`${listener.port}\n`)
