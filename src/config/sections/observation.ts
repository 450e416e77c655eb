import { optional, setting } from '../setting.ts'
import { digestKey, hostAddress, integer, oneOf, portOrOff } from '../values.ts'

/** Environment variables of records, log and metrics. */
export const observation = {
  AUDIT_QUEUE_LIMIT: setting(
    integer(1, 1_000_000),
    '10000',
    'Maximum number of usage records in memory that wait for the disk; beyond it calls are rejected.',
  ),
  AUDIT_SPOOL_MAX_BYTES: setting(
    integer(65_536, 1_099_511_627_776),
    '67108864',
    'Maximum size of the usage records on disk that wait for the store, in bytes; beyond it calls are rejected.',
  ),
  AUDIT_INTENTS: setting(
    oneOf(['off', 'writing', 'all']),
    'writing',
    'Calls that are announced to the usage records before they are sent, so that one that ran while the gateway was killed is recorded as `unknown`: those of tools that say that they change something (`readOnlyHint` false, `destructiveHint` true), all, or none.',
  ),
  AUDIT_DIGEST_KEY: optional(
    digestKey,
    'a key created in DATA_DIR',
    'Secret key of the digests of arguments, and of the cursors of `GET /v1/audit`; replicas that share a database share it. Needed when STORE is `firestore`.',
  ),
  AUDIT_DIGEST_KEY_PREVIOUS: optional(
    digestKey,
    'none',
    'The AUDIT_DIGEST_KEY before the current one: cursors that it sealed stay valid. Digests of equal arguments differ from those before.',
  ),
  AUDIT_SIGNING_KEY: optional(
    digestKey,
    'a key created in DATA_DIR',
    'Secret key (Ed25519) of the checkpoints of usage records. Set it where replicas have no lasting DATA_DIR: otherwise each start has another key, and what earlier ones signed cannot be verified.',
  ),
  AUDIT_SIGNING_KEY_PREVIOUS: optional(
    digestKey,
    'none',
    'The AUDIT_SIGNING_KEY before the current one: it signs, too, so that those who know it learn the new one.',
  ),
  AUDIT_RETENTION_DAYS: setting(integer(1, 36_500), '90', 'Age at which usage records are deleted, in days.'),
  LOG_LEVEL: setting(
    oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
    'info',
    'Minimum severity of log lines; at a terminal, `info` shows the welcome instead of the lines below `warn`.',
  ),
  LOG_FORMAT: setting(
    oneOf(['auto', 'json', 'pretty']),
    'auto',
    'Format of log lines; `auto`: readable on a terminal, else JSON.',
  ),
  DASHBOARD: setting(
    oneOf(['auto', 'on', 'off']),
    'auto',
    'Whether the dashboard is served, at `/` and `/dashboard`; `auto`: where the gateway issues tokens itself, see LOCAL_ISSUER.',
  ),
  METRICS_PORT: setting(portOrOff, '9464', 'Port of `/metrics`; 0 takes any free one, `off` disables it.'),
  METRICS_HOST: setting(hostAddress, '127.0.0.1', 'Address of `/metrics`.'),
}
