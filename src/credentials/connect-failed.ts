/** Why an account cannot be connected, as a sentence for the person; nothing in it is secret. */
export class ConnectFailed extends Error {
  override readonly name = 'ConnectFailed'
}
