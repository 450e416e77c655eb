/** Work by name, each of which is under way once at a time: who wants it meanwhile gets what comes of it. */
export class SharedWork<T> {
  readonly #underWay = new Map<string, Promise<T>>()

  /** Begins the work of that name, unless it is under way. Rejects as the work does. */
  run(name: string, work: () => Promise<T>): Promise<T> {
    const running = this.#underWay.get(name)
    if (running !== undefined) return running
    const begun = work().finally(() => this.#underWay.delete(name))
    this.#underWay.set(name, begun)
    return begun
  }
}
