/** What an instance is doing. `failed`: its restarts are used up, and only an operator or a change of the registry starts it again. */
export type InstanceState = 'stopped' | 'starting' | 'ready' | 'draining' | 'backing_off' | 'failed'

/**
 * What can happen to an instance. `lost`: the opening failed or the connection ended; `given_up`: it did, and no
 * restart is left; `session_lost`: the server is there and has forgotten the session, so a new one is opened at once.
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

/** The state after `event`; the same state where the event means nothing, as a late one does. */
export function transition(state: InstanceState, event: InstanceEvent): InstanceState {
  return ARROWS[state][event] ?? state
}
