import type { World } from './world/world.ts'
import type { Reply } from './world/send.ts'

/** One input, and what has to come of it. */
export interface Row {
  /** What is hostile about it; unique within its family. */
  readonly what: string
  /** Sends the input; resolves with what came back, in the order in which it was sent. */
  readonly send: (world: World, requestId: string) => Promise<Reply | readonly Reply[]>
  /** The exact answer as `shown` writes it; of several, a list. */
  readonly answer: string | readonly string[]
  /** Another right answer, where it depends on who is quicker. */
  readonly otherwise?: string
  /** Calls that may have reached a server; none unless said. */
  readonly calls?: number
  /** Usage records of the row's request id; as many as calls unless said. */
  readonly records?: number
  /** Within how many milliseconds it has to be answered. */
  readonly withinMs?: number
  /** Whether memory and event loop are measured, and have to stay within bounds. */
  readonly isBounded?: boolean
}

/** Rows of one kind, and what they need. */
export interface Family {
  readonly name: string
  /** What comes of some of its rows depends on how quick the machine is. */
  readonly isTimed?: boolean
  readonly rows: (world: World) => readonly Row[] | Promise<readonly Row[]>
}

/** A table of inputs of one kind, each with the answer, made into rows. */
export function table<Input>(
  send: (input: Input, world: World, requestId: string) => ReturnType<Row['send']>,
  inputs: Readonly<Record<string, readonly [Input, Row['answer'], Expected?]>>,
): readonly Row[] {
  return Object.entries(inputs).map(([what, [input, answer, expected]]) => ({
    what,
    send: (world, requestId) => send(input, world, requestId),
    answer,
    ...expected,
  }))
}

/** What is expected of a row beside its answer. */
export type Expected = Pick<Row, 'otherwise' | 'calls' | 'records' | 'withinMs' | 'isBounded'>
