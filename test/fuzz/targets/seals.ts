import { StateSeal } from '../../../src/calls/client/state-seal.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { Sealing } from '../../../src/domain/seal/sealing.ts'
import { principalKey } from '../../../src/domain/principal.ts'
import { SessionSeal } from '../../../src/mcp/session/session-seal.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'
import { broken, choiceIn, type Target } from '../target.ts'

const KEYS = { current: Buffer.alloc(32, 1), previous: Buffer.alloc(32, 2) }
const PLAIN = new Sealing(KEYS, 'fuzz')
const STATES = new Sealing(KEYS, 'request state')
const SESSIONS = new Sealing(KEYS, 'session id')
const clock = new FakeClock()
const states = new StateSeal({ keys: KEYS, clock })
const sessions = new SessionSeal({ keys: KEYS, clock, lifetimeMs: 3_600_000 })
const ANN = principal()
const ISSUED = PLAIN.seal('what was sealed', 'ann')
const STATE_BINDING = { principal: ANN, purpose: 'tools/call x' }
const SESSION_BINDING = { principal: ANN, scope: undefined }

/** Texts that only their maker can read and change. */
export const seals: Target = {
  name: 'seals',
  guarantee:
    'a sealed text opens as what was sealed, for what it is bound to; every other text opens as nothing',
  code: ['domain/seal/sealing.ts', 'calls/client/state-seal.ts', 'mcp/session/session-seal.ts'],
  seeds: [
    `\0${ISSUED}`,
    '\u0001some text',
    '\u0002{"text":"a","until":99999999999999}',
    '\u0003["id","home",99999999999999,{"capabilities":{}}]',
    '\0AAAA',
  ],
  words: [
    ISSUED,
    ISSUED.slice(0, 20),
    ISSUED.slice(20),
    '=',
    '-',
    '_',
    '/',
    '+',
    '{"text":',
    '"until":1e400',
    '["a","b",',
    '9007199254740993',
    'null',
    '{}',
    ']',
  ],
  check(input) {
    const { choice, rest } = choiceIn(input)
    const text = rest.toString('latin1')
    if (choice % 4 === 0) checkForged(text)
    else if (choice % 4 === 1) checkRound(text)
    else if (choice % 4 === 2) checkState(text)
    else checkSession(text)
  },
}

function checkForged(text: string): void {
  const opened = PLAIN.open(text, 'ann')
  if ((opened !== undefined) !== (text === ISSUED)) broken('a text that was never sealed was opened')
  if (openedState(text) !== undefined) broken('a state that was never sealed was opened')
  if (sessions.open(text, SESSION_BINDING) !== undefined) broken('a session that was never opened is known')
}

function checkRound(text: string): void {
  const sealed = PLAIN.seal(text, 'ann')
  if (text !== '' && PLAIN.open(sealed, 'ann') !== text) broken('a sealed text opens as another')
  if (PLAIN.open(sealed, 'bob') !== undefined) broken('a text opens for what it is not bound to')
  if (!/^[\w-]+$/.test(sealed)) broken('a sealed text has characters that URLs do not take')
}

/** What older versions have sealed may have any form. */
function checkState(content: string): void {
  const bound = JSON.stringify([principalKey(ANN), STATE_BINDING.purpose])
  const text = openedState(STATES.seal(content, bound))
  if (text !== undefined && typeof text !== 'string') broken('a state is no text')
}

function checkSession(content: string): void {
  const bound = JSON.stringify([principalKey(ANN), null])
  const session = sessions.open(SESSIONS.seal(content, bound), SESSION_BINDING)
  if (session !== undefined && !(session.until >= clock.now())) broken('a session that has ended was opened')
}

function openedState(text: string): string | undefined {
  try {
    return states.open(text, STATE_BINDING)
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'invalid_request_state') return undefined
    throw thrown
  }
}
