import type { EventStore } from '@modelcontextprotocol/server'

/** Events of one session, in memory, so that a client can come back to a stream that broke. */
export function memoryEventStore(): EventStore {
  const events: { readonly stream: string; readonly message: Parameters<EventStore['storeEvent']>[1] }[] = []
  return {
    storeEvent: (stream, message) => Promise.resolve(String(events.push({ stream, message }))),
    replayEventsAfter: async (last, { send }) => {
      const stream = events[Number(last) - 1]?.stream
      if (stream === undefined) throw new Error(`no event ${last}`)
      for (const [index, event] of events.entries()) {
        // The event that opens a stream has no message in it.
        const isMissed = index >= Number(last) && event.stream === stream && 'jsonrpc' in event.message
        if (isMissed) await send(String(index + 1), event.message)
      }
      return stream
    },
  }
}
