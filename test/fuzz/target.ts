/** Code that reads what strangers send, and what has to hold of it for every input. */
export interface Target {
  readonly name: string
  /** What holds, as a sentence. */
  readonly guarantee: string
  /** The files of `src/` whose coverage guides the search, by their ends. */
  readonly code: readonly string[]
  /** Inputs to begin with. */
  readonly seeds: readonly string[]
  /** Pieces of which interesting inputs are made. */
  readonly words: readonly string[]
  /** @throws if the guarantee is broken */
  readonly check: (input: Buffer) => void | Promise<void>
}

/** An input is read as two things: a small number that chooses how, and the rest. */
export function choiceIn(input: Buffer): { readonly choice: number; readonly rest: Buffer } {
  return { choice: input[0] ?? 0, rest: input.subarray(1) }
}

/** Says that a guarantee is broken. @throws always */
export function broken(what: string): never {
  throw new Error(what)
}

/** Gives bytes to what takes them apart, in pieces of a size, of each of which it may take some lines or events at a time. */
export function pushInPieces(
  into: { push: (bytes: Buffer, most: number) => number },
  bytes: Buffer,
  size: number,
): void {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size)
    for (let taken = 0; taken < piece.length;) taken += into.push(piece.subarray(taken), 1 + (size % 3))
  }
}
