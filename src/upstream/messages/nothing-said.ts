/** A message of the gateway to itself in the place of one of a server: it goes no further than to `Wire`. */
export const NOTHING_SAID = { jsonrpc: '2.0', method: 'notifications/tool-gateway/nothing' } as const
