/** What may wait for a client that does not read, on one stream; one that lets more pile up is gone or means harm. */
export const MAX_UNREAD_BYTES = 16 * 1024 * 1024
