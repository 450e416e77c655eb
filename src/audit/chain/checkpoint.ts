import type { ChainHead } from './link.ts'
import { type NoteSigner, signedNote } from './note.ts'

/** Name of the keys that sign checkpoints. */
export const KEY_NAME = 'tool-gateway-audit'

const ORIGIN = 'tool-gateway-audit/'

/** What a checkpoint states: where a chain stood, and when. */
export interface Statement extends ChainHead {
  readonly atMs: number
  /** When the chain began; records of no chain are from before. */
  readonly beganMs: number
  /** Records older than this may be deleted; undefined: none may. */
  readonly retentionDays: number | undefined
  /** The writer has ended: nothing follows. */
  readonly isLast: boolean
}

/** A statement as it is read, with the key that its signer says will sign the next ones. */
export interface ReadStatement extends Statement {
  readonly verifierKey: string | undefined
}

/** The checkpoints of a writer, as they are kept. */
export interface Checkpoint {
  readonly writer: string
  readonly seq: number
  readonly atMs: number
  /** A signed note. */
  readonly note: string
}

/**
 * A checkpoint (https://c2sp.org/tlog-checkpoint) whose hash is that of the last record. It names the key that signs, so
 * that one which the previous key signed too introduces its successor.
 */
export function signedCheckpoint(
  statement: Statement,
  signers: readonly [NoteSigner, ...NoteSigner[]],
): Checkpoint {
  const { writer, seq, atMs } = statement
  return { writer, seq, atMs, note: signedNote(textOf(statement, signers[0].verifierKey), signers) }
}

/** What the text of a checkpoint states; undefined when it is none. */
export function statementIn(text: string): ReadStatement | undefined {
  const [origin = '', seq = '', hash = '', ...lines] = text.trimEnd().split('\n')
  const facts = new Map(lines.map((line) => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)]))
  const atMs = Date.parse(facts.get('time') ?? '')
  const beganMs = Date.parse(facts.get('began') ?? '')
  const days = facts.get('retention')
  if (!origin.startsWith(ORIGIN) || !/^\d{1,15}$/.test(seq) || Number.isNaN(atMs) || Number.isNaN(beganMs))
    return undefined
  return {
    writer: origin.slice(ORIGIN.length),
    seq: Number(seq),
    hash,
    atMs,
    beganMs,
    retentionDays: days === undefined ? undefined : Number(days),
    isLast: facts.has('last'),
    verifierKey: facts.get('key'),
  }
}

function textOf({ writer, seq, hash, atMs, beganMs, retentionDays, isLast }: Statement, key: string): string {
  const lines = [
    `${ORIGIN}${writer}`,
    String(seq),
    hash,
    `time ${new Date(atMs).toISOString()}`,
    `began ${new Date(beganMs).toISOString()}`,
    ...(retentionDays === undefined ? [] : [`retention ${retentionDays}`]),
    `key ${key}`,
    ...(isLast ? ['last'] : []),
  ]
  return lines.map((line) => `${line}\n`).join('')
}
