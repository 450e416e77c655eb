import type { Caller } from '../../calls/call.ts'
import type { PlainCallOptions } from '../../mcp/direct/plain-call.ts'
import type { ChallengeForScope } from '../step-up.ts'
import type { DirectAnswer } from './direct-answer.ts'

/** What calls of the direct path use. */
export interface DirectCallOptions extends PlainCallOptions {
  readonly info: { readonly name: string; readonly version: string }
  readonly challengeFor: ChallengeForScope
  /** Where the pages of errors are. */
  readonly errorsAt: string
}

/** The sender of a request, without the fields of the request and its transport. */
export type DirectCaller = Omit<Caller, 'transport' | 'requestId' | 'client'>

/** Makes a call and answers with its outcome. Rejects only if the response cannot be written. */
export type DirectCall = (answer: DirectAnswer) => Promise<void>
