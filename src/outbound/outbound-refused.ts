/** A connection was not opened, because the policy for outgoing requests forbids it. The message is for operators. */
export class OutboundRefused extends Error {
  override readonly name = 'OutboundRefused'
  /** By which it is recognised where it is the cause of another error. */
  readonly code = 'OUTBOUND_REFUSED'
}
