import type { Chance } from './chance.ts'

const MAX_LENGTH = 4096
const MAX_PIECE = 32
const MAX_REPEATS = 6
/** Bytes that mean something in some format, or stand at the end of a range. */
const TELLING = Buffer.from(
  '\0\t\n\r "\'\\/:;,.{}[]()<>=&%#@!?*+-_~^|0123456789aeinrtuxAZ\u007f\u0080\u00bf\u00c0\u00e2\u00ed\u00ef\u00f0\u00ff',
  'latin1',
)

type Mutation = (input: Buffer, chance: Chance, sources: MutationSources) => Buffer

/** What mutations take pieces from. */
export interface MutationSources {
  readonly words: readonly Buffer[]
  /** An input that was kept. */
  readonly other: () => Buffer
}

/** The input with some of it changed. */
export function mutated(input: Buffer, chance: Chance, sources: MutationSources): Buffer {
  let changed = input
  for (let left = 1 + chance.below(5); left > 0; left -= 1)
    changed = chance.of(MUTATIONS)(changed, chance, sources).subarray(0, MAX_LENGTH)
  return changed
}

const MUTATIONS: readonly Mutation[] = [
  function flipBit(input, chance) {
    return withByte(input, chance, (byte) => byte ^ (1 << chance.below(8)))
  },
  function setByte(input, chance) {
    return withByte(input, chance, () => chance.of([...TELLING]))
  },
  function anyByte(input, chance) {
    return withByte(input, chance, () => chance.below(256))
  },
  function stepByte(input, chance) {
    return withByte(input, chance, (byte) => byte + (chance.below(2) === 0 ? 1 : 255))
  },
  function insertByte(input, chance) {
    return inserted(input, chance, Buffer.from([chance.of([...TELLING])]))
  },
  function insertWord(input, chance, { words }) {
    return words.length === 0 ? input : inserted(input, chance, chance.of(words))
  },
  function insertWordTwice(input, chance, { words }) {
    if (words.length === 0) return input
    const word = chance.of(words)
    return inserted(inserted(input, chance, word), chance, word)
  },
  function replaceByWord(input, chance, { words }) {
    if (words.length === 0) return input
    const [start, end] = piece(input, chance)
    return Buffer.concat([input.subarray(0, start), chance.of(words), input.subarray(end)])
  },
  function remove(input, chance) {
    const [start, end] = piece(input, chance)
    return Buffer.concat([input.subarray(0, start), input.subarray(end)])
  },
  function cut(input, chance) {
    return input.subarray(0, chance.below(input.length + 1))
  },
  function repeat(input, chance) {
    const [start, end] = piece(input, chance)
    const copies = Array.from({ length: 1 + chance.below(MAX_REPEATS) }, () => input.subarray(start, end))
    return Buffer.concat([input.subarray(0, end), ...copies, input.subarray(end)])
  },
  function copyElsewhere(input, chance) {
    const [start, end] = piece(input, chance)
    return inserted(input, chance, input.subarray(start, end))
  },
  function splice(input, chance, { other }) {
    const second = other()
    return Buffer.concat([
      input.subarray(0, chance.below(input.length + 1)),
      second.subarray(chance.below(second.length + 1)),
    ])
  },
  function takePiece(input, chance, { other }) {
    const second = other()
    const [start, end] = piece(second, chance)
    return inserted(input, chance, second.subarray(start, end))
  },
]

function withByte(input: Buffer, chance: Chance, change: (byte: number) => number): Buffer {
  if (input.length === 0) return input
  const changed = Buffer.from(input)
  const at = chance.below(changed.length)
  changed[at] = change(changed[at] ?? 0)
  return changed
}

function inserted(input: Buffer, chance: Chance, what: Buffer): Buffer {
  const at = chance.below(input.length + 1)
  return Buffer.concat([input.subarray(0, at), what, input.subarray(at)])
}

function piece(input: Buffer, chance: Chance): [start: number, end: number] {
  const start = chance.below(input.length + 1)
  return [start, Math.min(input.length, start + 1 + chance.below(MAX_PIECE))]
}
