/**
 * Maximum data, in bytes, that one stream buffers for a client that does not read; a client that exceeds it is
 * disconnected.
 */
export const MAX_UNREAD_BYTES = 16 * 1024 * 1024
