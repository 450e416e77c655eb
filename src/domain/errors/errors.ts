import { type ErrorCode, ERRORS } from './error-table.ts'

/** The facts of an error in addition to its code. All of them are shown to callers. */
export interface ErrorFacts {
  readonly server?: string
  readonly instance?: string
  readonly mayHaveExecuted?: boolean
  readonly retryAfterMs?: number
  /** The scopes that a token needs for what was asked. */
  readonly scopes?: readonly string[]
  /** Names near one that was not found, of what the caller may use. */
  readonly suggestions?: readonly string[]
  /** Where the caller connects the account that the call needs. */
  readonly connect?: { readonly url: string; readonly expiresAt: string }
  /** The request for a person's yes that the call waits for, and the page where it is answered. */
  readonly approval?: { readonly id: string; readonly url: string; readonly expiresAt: string }
  /** The step of a pipeline that failed. */
  readonly step?: string
  /** Each a path and what is wrong there. */
  readonly problems?: readonly string[]
  /** The JSON-RPC error that the upstream gave. */
  readonly upstream?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/**
 * An error that callers may see. `message` and `facts` are public; what must stay inside goes into `cause`,
 * which only the log shows.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message?: string, options: { cause?: unknown; facts?: ErrorFacts } = {}) {
    super(message ?? ERRORS[code].title, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts ?? {}
  }
}

/** The error itself if it is a GatewayError, else an `internal` one that carries it as its cause. */
export function toGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('internal', undefined, { cause: error })
}

/** The text of anything thrown, for logs and reasons that operators read. */
export function messageOf(error: unknown): string {
  const hasMessage = typeof error === 'object' && error !== null && 'message' in error
  return hasMessage ? String(error.message) : String(error)
}

const MAX_CAUSES = 8
const MAX_REASON = 512

/** The messages of an error and of its causes, joined with colons, in at most 512 characters. */
export function messageWithCauses(error: unknown): string {
  const messages: string[] = []
  for (let current = error; current !== undefined && messages.length < MAX_CAUSES; current = causeOf(current))
    messages.push(messageOf(current))
  return messages.join(': ').slice(0, MAX_REASON)
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}
