import type { Readable } from 'node:stream'
import type { Clock } from '../../domain/clock.ts'
import { PacedInput } from '../messages/paced-input.ts'

/** After each turn that read a part of a flood: 5,000 lines or 6 MB a second. */
const REST_MS = 10

/** What takes the bytes of a pipe apart into lines. */
interface Lines {
  readonly count: number
  push(bytes: Buffer, maxLines: number): number
}

/**
 * Passes on the output of a process, a few lines in each turn of the event loop.
 * @param rests given for a pipe for whose lines nobody waits: a flood leaves time for everything else, until `isOver`
 */
export function pacedPipe(
  pipe: Readable | null,
  lines: Lines,
  rests?: { readonly clock: Clock; readonly isOver: () => boolean },
): PacedInput {
  return new PacedInput({
    source: () => (pipe === null || pipe.destroyed ? undefined : pipe),
    take: (bytes, maxLines) => lines.push(bytes, maxLines),
    count: () => lines.count,
    ...(rests && { clock: rests.clock, restMs: () => (rests.isOver() ? 0 : REST_MS) }),
  })
}
