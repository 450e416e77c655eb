import { optional, setting } from './setting.ts'
import { integer } from './values.ts'

/** How many clients there may be, and for how long. */
export const connections = {
  MAX_CONNECTIONS: optional(
    integer(16, 1_000_000),
    'three quarters of the file descriptors that the process may have, at most all but 128',
    'Open connections of clients; beyond it the longest idle one is closed for a new one. The default is also the most that can be.',
  ),
  MAX_CONNECTIONS_PER_ADDRESS: optional(
    integer(1, 1_000_000),
    'half of MAX_CONNECTIONS',
    'Of these, those from one address (of IPv6: one network of 64 bits). Where all clients come through one proxy, set it to the same.',
  ),
  SESSION_IDLE_MS: setting(
    integer(1000, 604_800_000),
    '1800000',
    'A session ends after this time without a request or an open stream, in milliseconds.',
  ),
  MAX_SESSIONS: setting(integer(1, 1_000_000), '10000', 'Open sessions of all principals together.'),
  MAX_SESSIONS_PER_TENANT: setting(
    integer(1, 1_000_000),
    '5000',
    'Open sessions of one tenant, unless its document has `quotas.sessions`.',
  ),
  MAX_SESSIONS_PER_PRINCIPAL: setting(integer(1, 1_000_000), '100', 'Open sessions of one principal.'),
}
