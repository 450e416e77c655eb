/** Some records of a batch will never be taken by the store, however often they are sent; the others are durable. */
export class RecordsRefusedError extends Error {
  override readonly name = 'RecordsRefusedError'
  readonly ids: ReadonlySet<string>

  constructor(ids: Iterable<string>, options?: ErrorOptions) {
    const all = new Set(ids)
    super(`the audit store rejects ${all.size} usage records permanently`, options)
    this.ids = all
  }
}
