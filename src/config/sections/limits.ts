import { optional, setting } from '../setting.ts'
import { integer, oneOf, pathList } from '../values.ts'
import { connections } from './connections.ts'

/** Environment variables of limits and deadlines. */
export const limits = {
  CALL_STAGES: setting(
    pathList,
    '',
    'Modules with custom stages that every call passes through, in this order; see docs/stages.md.',
  ),
  CALL_TIMEOUT_MS: setting(
    integer(1, 300_000),
    '60000',
    'Timeout for a call, in milliseconds, unless the server or tool sets one.',
  ),
  DIRECT_PATH: setting(
    oneOf(['on', 'off']),
    'on',
    'Whether plain calls take the direct path, which costs a fraction of the general one; `off` sends all calls by the general path.',
  ),
  CONNECT_TIMEOUT_MS: setting(
    integer(1, 300_000),
    '20000',
    'Timeout for connecting to a server, in milliseconds; programs have at least a minute, see lifecycle.startTimeoutMs.',
  ),
  START_CONCURRENCY: setting(
    integer(1, 1000),
    '8',
    'Maximum number of programs that start at the same time, and of endpoints that are connected at the same time; slow ones make room for others.',
  ),
  MAX_OWN_CONNECTIONS: setting(
    integer(1, 100_000),
    '100',
    'Maximum number of callers with a separate connection or process to one server; at a server for all tenants, each tenant may use a quarter of them.',
  ),
  DRAIN_TIMEOUT_MS: setting(
    integer(0, 600_000),
    '6500',
    'Time from the signal to stop until calls in flight are ended, in milliseconds; everything else takes at most 3 seconds more.',
  ),
  DRAIN_NOTICE_MS: optional(
    integer(0, 60_000),
    '`2000` when STORE is `firestore`, else `0`',
    'Part of DRAIN_TIMEOUT_MS in which `/readyz` is 503 and everything is still served, until load balancers send no more requests, in milliseconds.',
  ),
  MAX_BODY_BYTES: setting(integer(1024, 67_108_864), '4194304', 'Maximum size of a request body, in bytes.'),
  MAX_UPSTREAM_MESSAGE_BYTES: setting(
    integer(1024, 268_435_456),
    '10485760',
    'Maximum size of a message from a server, in bytes.',
  ),
  TOOL_CHANGES: setting(
    oneOf(['allow', 'alert', 'hold']),
    'alert',
    'What happens when a server changes the definition of a tool, unless its document states it in `toolChanges`: it is trusted, it is reported and stays in use, or it is held back until it is approved.',
  ),
  ...connections,
}
