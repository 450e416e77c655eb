/** Deduplicates work by name: a request for work that is in progress gets its result. */
export class SharedWork<T> {
  readonly #underWay = new Map<string, Promise<T>>()

  /** Starts the work of that name, unless it is in progress. Rejects as the work does. */
  run(name: string, work: () => Promise<T>): Promise<T> {
    const running = this.#underWay.get(name)
    if (running !== undefined) return running
    const begun = work().finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, begun)
    return begun
  }
}
