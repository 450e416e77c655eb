import { SdkHttpError } from '@modelcontextprotocol/client'
import { isSameId } from '../../messages/message-id.ts'
import { type RpcError, rpcErrorIn } from '../../messages/raw-results.ts'
import { failedPost, rpcErrorOf } from '../upstream-error.ts'

/** How a server refused a request. */
export interface Refusal {
  /** HTTP status; undefined if it was 2xx. */
  readonly status: number | undefined
  readonly rpc: RpcError | undefined
  /** Whether it is a JSON-RPC error with the id of the request. */
  readonly isAddressed: boolean
  /** Whether its first characters mention sessions or initialization. */
  readonly namesSession: boolean
}

/**
 * What a refusal says about the request's session. `gone`: the answer to an unknown session according to the
 * specification, or of common SDKs; `doubtful`: an answer with several meanings, one of which is an unknown session.
 */
export type SessionSign = 'gone' | 'doubtful' | 'none'

const READ_LENGTH = 2000
const MENTION = /session|initiali[sz]ed/i

const METHOD_NOT_FOUND = -32_601
const NO_SUCH_SESSION = -32_001
const INTERNAL_ERROR = -32_603
const SERVER_ERROR = -32_000
/** Codes that servers use for requests without a valid session, and for other errors. */
const DOUBTFUL = new Set([SERVER_ERROR, NO_SUCH_SESSION, -32_002, -32_600, -32_602, INTERNAL_ERROR])
/** Those of the codes that servers send with HTTP 400 for an unknown session. */
const BAD_SESSION = new Set([SERVER_ERROR, NO_SUCH_SESSION, -32_600])

/** The refusal in the error of a request; undefined if it failed in another way. */
export function refusalOf(error: unknown, requestId: unknown): Refusal | undefined {
  if (error instanceof SdkHttpError) return refusalWith(error.status, error.data['text'], requestId)
  const post = failedPost(error)
  if (post !== undefined) return refusalWith(post.status, post.text, requestId)
  const rpc = rpcErrorOf(error)
  return rpc && { status: undefined, rpc, isAddressed: true, namesSession: isMention(rpc.message) }
}

function refusalWith(status: number, body: unknown, requestId: unknown): Refusal {
  const { error: rpc, id } = rpcErrorIn(body) ?? {}
  const isAddressed = rpc !== undefined && isSameId(id, requestId)
  return { status, rpc, isAddressed, namesSession: typeof body === 'string' && isMention(body) }
}

function isMention(text: string): boolean {
  return MENTION.test(text.slice(0, READ_LENGTH))
}

/** What the refusal of a request says about its session. */
export function sessionSign(refusal: Refusal): SessionSign {
  const { status, rpc, isAddressed, namesSession } = refusal
  if (status === undefined) return signOfAnswer(refusal)
  // These concern credentials.
  if (status === 401 || status === 403) return namesSession ? 'doubtful' : 'none'
  if (status === 500) return rpc !== undefined && !isAddressed ? 'doubtful' : 'none'
  const isRefusal = status >= 400 && status < 500 && status !== 429
  return isRefusal ? signOfRefusal(refusal) : 'none'
}

/** The sign in a JSON-RPC error that came with HTTP 2xx. */
function signOfAnswer({ rpc, namesSession }: Refusal): SessionSign {
  if (rpc === undefined || !DOUBTFUL.has(rpc.code)) return 'none'
  return rpc.code === NO_SUCH_SESSION && namesSession ? 'gone' : 'doubtful'
}

function signOfRefusal({ status, rpc, isAddressed, namesSession }: Refusal): SessionSign {
  if (rpc !== undefined && BAD_SESSION.has(rpc.code) && namesSession) return 'gone'
  if (rpc !== undefined && isAddressed) return DOUBTFUL.has(rpc.code) ? 'doubtful' : 'none'
  return status === 404 ? 'gone' : 'doubtful'
}

/** Whether the server answered `ping`; an unknown method is an answer, too. */
export function isPingAnswer({ status, rpc, isAddressed }: Refusal): boolean {
  return rpc?.code === METHOD_NOT_FOUND && (status === undefined || isAddressed)
}

/** Whether a request and a `ping` were refused in the same way, so that the refusal does not concern the request. */
export function isAlike(a: Refusal, b: Refusal): boolean {
  return a.status === b.status && a.rpc?.code === b.rpc?.code
}

/** Whether a server that lost the session and refused a `ping` in this way has certainly not executed the request. */
export function isSurelyNotExecuted({ status, rpc, namesSession }: Refusal, ping: Refusal): boolean {
  if (status !== undefined && status < 500) return true
  // The error of a tool must not be mistaken for it: a server can send such errors after it has run something.
  if (rpc === undefined || rpc.code !== ping.rpc?.code || rpc.message !== ping.rpc.message) return false
  return namesSession || !(rpc.code === INTERNAL_ERROR || rpc.code === SERVER_ERROR)
}
