import { expect, test } from '@jest/globals'
import {
  type InstanceEvent,
  type InstanceState,
  transition,
} from '../../../src/upstream/instance/instance-state.ts'

const STATES: InstanceState[] = ['stopped', 'starting', 'ready', 'draining', 'backing_off', 'failed']
const EVENTS: InstanceEvent[] = [
  'start',
  'opened',
  'lost',
  'given_up',
  'session_lost',
  'retry',
  'stop',
  'drained',
]
const ARROWS: [InstanceState, InstanceEvent, InstanceState][] = [
  ['stopped', 'start', 'starting'],
  ['starting', 'opened', 'ready'],
  ['starting', 'lost', 'backing_off'],
  ['starting', 'given_up', 'failed'],
  ['starting', 'stop', 'stopped'],
  ['ready', 'lost', 'backing_off'],
  ['ready', 'given_up', 'failed'],
  ['ready', 'session_lost', 'starting'],
  ['ready', 'stop', 'draining'],
  ['draining', 'drained', 'stopped'],
  ['backing_off', 'retry', 'starting'],
  ['backing_off', 'stop', 'stopped'],
  ['failed', 'start', 'starting'],
  ['failed', 'stop', 'stopped'],
]

test.each(ARROWS)('%s on %s becomes %s', (from, event, to) => {
  expect(transition(from, event)).toBe(to)
})

const others = STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const)).filter(
  ([state, event]) => !ARROWS.some(([from, on]) => from === state && on === event),
)

test.each(others)('%s is not moved by %s', (state, event) => {
  expect(transition(state, event)).toBe(state)
})
