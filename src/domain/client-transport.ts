/**
 * A client's way in. In usage records, metrics, traces and what operators' stages see, the field of it is called
 * `face`.
 */
export type ClientTransport = 'streamable-http' | 'sse' | 'websocket' | 'rest'
