import { optional, setting } from '../setting.ts'
import { integer } from '../values.ts'

/** Environment variables of how many clients there may be, and for how long. */
export const connections = {
  MAX_CONNECTIONS: optional(
    integer(16, 1_000_000),
    'three quarters of the file descriptor limit of the process, and at least 128 fewer than the limit',
    'Maximum number of open client connections; beyond it, the connection that was idle longest is closed for a new one. The default is also the highest possible value.',
  ),
  MAX_CONNECTIONS_PER_ADDRESS: optional(
    integer(1, 1_000_000),
    'half of MAX_CONNECTIONS',
    'Maximum number of open connections from one address (with IPv6: one /64 network). If all clients connect through one proxy, set it to the value of MAX_CONNECTIONS.',
  ),
  MAX_REQUESTS_IN_PROGRESS: setting(
    integer(16, 1_000_000),
    '5000',
    'Maximum number of requests in progress; while the gateway is busy all the time it takes fewer. Further ones wait up to a second, ten for a turn among others, tenant by tenant, and are then answered `overloaded` (503). Streams and WebSocket messages do not count.',
  ),
  MAX_BODY_BYTES_IN_PROGRESS: setting(
    integer(1_048_576, 68_719_476_736),
    '134217728',
    'Maximum size of the bodies over 16 KiB of all requests in progress together, in bytes, with 64 more for each comma in them, and at most an eighth of the memory that the process may have; a tenant may have as much as is still free, and further requests are answered `overloaded` (503).',
  ),
  MAX_UNREAD_BYTES: setting(
    integer(16_777_216, 68_719_476_736),
    '268435456',
    'Maximum response data in memory that clients have not read, and of WebSocket messages that they have not finished, in bytes, over all connections, and at most a quarter of the memory that the process may have; beyond it, connections of the tenant with the most unread data are closed. From half of it on, large results are received one after the other.',
  ),
  SEND_TIMEOUT_MS: setting(
    integer(1000, 60_000),
    '60000',
    'Timeout for a client that reads nothing while response data waits for it, in milliseconds; then its connection is closed.',
  ),
  SESSION_IDLE_MS: setting(
    integer(1000, 604_800_000),
    '1800000',
    'A session is removed from memory after this time without a request or an open stream, in milliseconds. One of Streamable HTTP continues with its next request.',
  ),
  SESSION_LIFETIME_MS: setting(
    integer(60_000, 31_536_000_000),
    '604800000',
    'Time from its opening until the id of a Streamable HTTP session expires, in milliseconds.',
  ),
  MAX_SESSIONS: setting(
    integer(1, 1_000_000),
    '10000',
    'Maximum number of open sessions of all principals together.',
  ),
  MAX_SESSIONS_PER_TENANT: setting(
    integer(1, 1_000_000),
    '5000',
    'Maximum number of open sessions of one tenant, unless its document has `quotas.sessions`.',
  ),
  MAX_SESSIONS_PER_PRINCIPAL: setting(
    integer(1, 1_000_000),
    '100',
    'Maximum number of open sessions of one principal.',
  ),
}
