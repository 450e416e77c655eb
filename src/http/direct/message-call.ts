import { conversationCall } from '../../mcp/direct/conversation-call.ts'
import type { DirectMessages } from '../../mcp/transports/sse-session.ts'
import type { DirectCall, DirectCaller, DirectCallOptions } from './direct-call.ts'

/** The call of a message that is posted to a session of HTTP with SSE; undefined if it is not plain. */
export function messageCall(
  options: DirectCallOptions,
  {
    caller,
    body,
    found,
  }: { readonly caller: DirectCaller; readonly body: unknown; readonly found: DirectMessages | undefined },
): DirectCall | undefined {
  if (found === undefined) return undefined
  const { conversation } = found
  const call = conversationCall(options, { conversation, sender: caller, body })
  if (call === undefined || !found.claim(call.id)) return undefined
  return async (answer) => {
    const abort = new AbortController()
    conversation.begin(call.id, () => abort.abort())
    answer.endAccepted()
    await call.run({ requestId: answer.requestId, signal: abort.signal })
    found.release(call.id)
  }
}
