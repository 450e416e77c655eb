import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { conversationCall } from '../../mcp/direct/conversation-call.ts'
import { ASSUMED_VERSION, isSupportedVersion } from '../../mcp/transports/request-heads.ts'
import type { DirectStream } from '../../mcp/transports/session-channels.ts'
import type { DirectCall, DirectCaller, DirectCallOptions } from './direct-call.ts'

interface Given {
  readonly caller: DirectCaller
  readonly headers: IncomingHttpHeaders
  readonly response: ServerResponse
  readonly body: unknown
  /** The session that the request names, if it belongs to the principal. */
  readonly found: DirectStream | undefined
}

/** The call of a request in a session of Streamable HTTP; undefined if it is not plain. */
export function sessionCall(options: DirectCallOptions, given: Given): DirectCall | undefined {
  const { found, response, headers } = given
  const version = headers['mcp-protocol-version'] ?? ASSUMED_VERSION
  if (found === undefined || headers['mcp-method'] !== undefined) return undefined
  if (!isSupportedVersion(version)) return undefined
  const { conversation } = found
  const call = conversationCall(options, { conversation, sender: given.caller, body: given.body, version })
  if (call === undefined || !found.claim(call.id, response)) return undefined
  return async (answer) => {
    const head = answer.becomeStream()
    conversation.begin(call.id, () => answer.cancel())
    found.open(call.id, version, response, head)
    await call.run({ requestId: answer.requestId, signal: answer.signal })
    found.release(call.id)
  }
}
