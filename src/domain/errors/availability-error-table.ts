import { type ErrorDefinition, row } from './error-row.ts'

/** The rows of the error table for what the gateway itself cannot do now. */
export const AVAILABILITY_ERRORS = {
  shutting_down: row(
    503,
    -31005,
    'gateway',
    true,
    'The gateway is shutting down',
    'Try again; another replica, or the restarted one, will answer.',
  ),
  replica_unavailable: row(
    503,
    -31005,
    'gateway',
    true,
    'The replica that holds this is not reachable',
    'Another replica of the gateway has what the request needs: the stream of an SSE session, the call that a question belongs to, or the connection of the session to a server. It has ended, or does not respond. The request may have run if `mayHaveExecuted` says so.',
  ),
  overloaded: row(
    503,
    -31005,
    'gateway',
    true,
    'The gateway is overloaded',
    'More requests are in progress than this replica can serve in time, or large requests and results hold the memory that there is for them. Nothing was executed, unless `mayHaveExecuted` says that the result could not be taken in time. Try again after `Retry-After`.',
  ),
  not_ready: row(
    503,
    -31005,
    'gateway',
    true,
    'The gateway is not ready yet',
    'The first registry snapshot has not been applied yet. Try again in a moment.',
  ),
  keys_unavailable: row(
    503,
    -31005,
    'config',
    true,
    'The signing keys of the issuer are unavailable',
    'The key set of the token issuer could not be fetched, so its tokens cannot be verified. Try again.',
  ),
  audit_unavailable: row(
    503,
    -31006,
    'gateway',
    true,
    'Usage records cannot be written or read in time',
    'The gateway executes nothing that it cannot record: it refuses calls while the queue of usage records or their space on disk is full, while the disk is more than a second behind, and while it stops. If `mayHaveExecuted` is true, the call has run, and its record was not written within ten seconds; then repeat only a call that may run twice. Otherwise nothing was executed; try again. If records cannot be read, the log says why: the database may be damaged.',
  ),
  store_unavailable: row(
    503,
    -31007,
    'gateway',
    true,
    'The registry store is unavailable',
    'The registry file or Firestore did not respond, or rejected the operation. `mayHaveExecuted` says whether the write may have happened nevertheless. Running servers are not affected.',
  ),
  state_unavailable: row(
    503,
    -31007,
    'gateway',
    true,
    'The state of the gateway is unavailable',
    'What the gateway keeps for itself, such as grants and connections of people, could not be read or written: Firestore or the state file did not respond. `mayHaveExecuted` says whether a change may have happened nevertheless. Try again.',
  ),
} as const satisfies Record<string, ErrorDefinition>
