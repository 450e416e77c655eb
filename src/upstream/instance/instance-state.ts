/**
 * State of an instance. `failed`: it has no restarts left; only an operator or a change of the registry starts it
 * again.
 */
export type InstanceState = 'stopped' | 'starting' | 'ready' | 'draining' | 'backing_off' | 'failed'

/**
 * An event of an instance. `lost`: opening failed or the connection was lost; `given_up`: the same, and no restart is
 * left; `session_lost`: the server is available and has lost the session, so a new one is opened at once.
 */
export type InstanceEvent =
  'start' | 'opened' | 'lost' | 'given_up' | 'session_lost' | 'retry' | 'stop' | 'drained'

const ARROWS: Readonly<Record<InstanceState, Partial<Record<InstanceEvent, InstanceState>>>> = {
  stopped: { start: 'starting' },
  starting: { opened: 'ready', lost: 'backing_off', given_up: 'failed', stop: 'stopped' },
  ready: { lost: 'backing_off', given_up: 'failed', session_lost: 'starting', stop: 'draining' },
  draining: { drained: 'stopped' },
  backing_off: { retry: 'starting', stop: 'stopped' },
  failed: { start: 'starting', stop: 'stopped' },
}

/** The state after `event`; the same state if the event does not apply, for example because it is late. */
export function transition(state: InstanceState, event: InstanceEvent): InstanceState {
  return ARROWS[state][event] ?? state
}
