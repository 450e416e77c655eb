/** Some lines of a batch will never be taken by the store, however often they are sent; the others are stored. */
export class RecordsRefusedError extends Error {
  override readonly name = 'RecordsRefusedError'
  readonly lines: readonly string[]

  constructor(lines: readonly string[], options?: ErrorOptions) {
    super(`the audit store rejects ${lines.length} usage records permanently`, options)
    this.lines = lines
  }
}
