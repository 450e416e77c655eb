import { SdkHttpError } from '@modelcontextprotocol/client'
import { isSameId } from '../../messages/message-id.ts'
import { type RpcError, rpcErrorIn } from '../../messages/raw-results.ts'
import { failedPost, rpcErrorOf } from '../upstream-error.ts'

/** How a server refused a request. */
export interface Refusal {
  /** HTTP status, unless the refusal came with 2xx. */
  readonly status: number | undefined
  readonly rpc: RpcError | undefined
  /** It is a JSON-RPC error that names the request, as an answer to it does. */
  readonly isAddressed: boolean
  /** Whether it speaks of sessions or of being initialized, within its first characters. */
  readonly namesSession: boolean
}

/**
 * What a refusal says of the session that the request belonged to. `gone`: what the specification, or the SDKs of the
 * field, answer for a session that they do not know; `doubtful`: the answer to many a request, and also what servers
 * answer that have forgotten their sessions.
 */
export type SessionSign = 'gone' | 'doubtful' | 'none'

const READ_LENGTH = 2000
const MENTION = /session|initiali[sz]ed/i

const METHOD_NOT_FOUND = -32_601
const NO_SUCH_SESSION = -32_001
const INTERNAL_ERROR = -32_603
const SERVER_ERROR = -32_000
/** Codes that servers use for requests that they do not take without a session, and for other things. */
const DOUBTFUL = new Set([SERVER_ERROR, NO_SUCH_SESSION, -32_002, -32_600, -32_602, INTERNAL_ERROR])
/** Of these, codes with which servers answer HTTP 400 to a session that they do not know. */
const BAD_SESSION = new Set([SERVER_ERROR, NO_SUCH_SESSION, -32_600])

/** The refusal in what a request failed with; undefined where it failed in another way. */
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

/** What the refusal of a request may mean for its session. */
export function sessionSign(refusal: Refusal): SessionSign {
  const { status, rpc, isAddressed, namesSession } = refusal
  if (status === undefined) return signOfAnswer(refusal)
  // These are about credentials.
  if (status === 401 || status === 403) return namesSession ? 'doubtful' : 'none'
  if (status === 500) return rpc !== undefined && !isAddressed ? 'doubtful' : 'none'
  const isRefusal = status >= 400 && status < 500 && status !== 429
  return isRefusal ? signOfRefusal(refusal) : 'none'
}

/** Of a JSON-RPC error that came with 2xx. */
function signOfAnswer({ rpc, namesSession }: Refusal): SessionSign {
  if (rpc === undefined || !DOUBTFUL.has(rpc.code)) return 'none'
  return rpc.code === NO_SUCH_SESSION && namesSession ? 'gone' : 'doubtful'
}

function signOfRefusal({ status, rpc, isAddressed, namesSession }: Refusal): SessionSign {
  if (rpc !== undefined && BAD_SESSION.has(rpc.code) && namesSession) return 'gone'
  if (rpc !== undefined && isAddressed) return DOUBTFUL.has(rpc.code) ? 'doubtful' : 'none'
  return status === 404 ? 'gone' : 'doubtful'
}

/** Whether the server answered `ping` after all: that it does not know the method is an answer, too. */
export function isPingAnswer({ status, rpc, isAddressed }: Refusal): boolean {
  return rpc?.code === METHOD_NOT_FOUND && (status === undefined || isAddressed)
}

/** Whether a request and a `ping` were refused in the same way, which then is no matter of the request. */
export function isAlike(a: Refusal, b: Refusal): boolean {
  return a.status === b.status && a.rpc?.code === b.rpc?.code
}

/** Whether a server that has forgotten the session, and refused a `ping` thus, has surely not executed the request. */
export function isSurelyNotExecuted({ status, rpc, namesSession }: Refusal, ping: Refusal): boolean {
  if (status !== undefined && status < 500) return true
  // What a tool fails with must not be taken for it: a server can say such things after it has run something.
  if (rpc === undefined || rpc.code !== ping.rpc?.code || rpc.message !== ping.rpc.message) return false
  return namesSession || !(rpc.code === INTERNAL_ERROR || rpc.code === SERVER_ERROR)
}
