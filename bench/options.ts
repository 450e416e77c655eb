import { parseArgs } from 'node:util'

/** What is to be measured. */
export interface Options {
  /** Numbers of callers at the same time. */
  readonly callers: readonly number[]
  /** Calls of one measurement. */
  readonly calls: number
  readonly rounds: number
  /** Names of systems, in addition to those that are always measured; all if empty. */
  readonly only: readonly string[]
  /** Bytes that each result has in addition to the message. */
  readonly bytes: number
  /** Era of the HTTP server, and in which form it answers. */
  readonly era: 'modern' | 'legacy'
  readonly answer: 'json' | 'sse'
  /** A file for all figures. */
  readonly json: string | undefined
  readonly isHelp: boolean
}

const UNITS: Record<string, number> = { '': 1, B: 1, KB: 1024, MB: 1024 * 1024 }

/** The options of the command line. @throws Error that says which one is wrong */
export function optionsFrom(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      callers: { type: 'string' },
      calls: { type: 'string' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
      payload: { type: 'string', default: '0' },
      era: { type: 'string', default: 'modern' },
      answer: { type: 'string', default: 'json' },
      json: { type: 'string' },
      short: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { short } = values
  return {
    callers: listed(values.callers ?? (short ? '32' : '1,32')).map((text) => counted('callers', text)),
    calls: counted('calls', values.calls ?? '2000'),
    rounds: counted('rounds', values.rounds),
    only: listed(values.only ?? (short ? 'modern,rest' : '')),
    bytes: sizeOf(values.payload),
    era: oneOf('era', values.era, ['modern', 'legacy']),
    answer: oneOf('answer', values.answer, ['json', 'sse']),
    json: values.json,
    isHelp: values.help,
  }
}

function listed(text: string): string[] {
  return text.split(',').filter((each) => each !== '')
}

function counted(name: string, text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`--${name} has to be a positive integer: ${text}`)
  return count
}

function sizeOf(text: string): number {
  const [, digits, unit = ''] = /^(\d+)(B|KB|MB)?$/.exec(text) ?? []
  if (digits === undefined) throw new Error(`--payload has to be a size such as 64KB: ${text}`)
  return Number(digits) * (UNITS[unit] ?? 1)
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text)
  if (found === undefined) throw new Error(`--${name} has to be one of ${allowed.join(', ')}: ${text}`)
  return found
}
