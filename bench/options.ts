import { parseArgs } from 'node:util'

/** What is to be measured. */
export interface Options {
  /** The scenario. */
  readonly command: string
  /** Numbers of callers at the same time. */
  readonly callers: readonly number[]
  /** Calls of one measurement. */
  readonly calls: number
  /** Calls of a system before its first measurement. */
  readonly warmUp: number
  readonly rounds: number
  /** Rounds before them that do not count. */
  readonly settling: number
  /** Names of systems, in addition to those that are always measured; all if empty. */
  readonly only: readonly string[]
  /** Whether other programs are measured, too. */
  readonly peers: boolean
  /** Size of the image in each result, in bytes of base64; 0 for none. */
  readonly bytes: number
  /** Progress messages before each result; 0 for none. */
  readonly progress: number
  /** Era of the HTTP server, and in which form it answers. */
  readonly era: 'modern' | 'legacy'
  readonly answer: 'json' | 'sse'
  readonly sessions: number
  readonly clients: number
  readonly edits: number
  /** A file for all figures. */
  readonly json: string | undefined
  /** A file for a picture of the rows. */
  readonly chart: string | undefined
  /** The largest ratio to the bare proxy with which the run succeeds. */
  readonly atMost: number
  readonly help: boolean
}

const UNITS: Record<string, number> = { '': 1, B: 1, KB: 1024, MB: 1024 * 1024 }
/** What a scenario does if no option says otherwise. */
interface Defaults {
  readonly callers: string
  /** Calls after which V8 has compiled all that a call runs; where calls are large or systems many, as many as time allows. */
  readonly warmUp: string
  /** Connections close between rounds, and V8 compiles again what it had compiled for connections that never close. */
  readonly settling: string
}

const SHORT: Defaults = { callers: '32', warmUp: '20000', settling: '0' }
const OTHER: Defaults = { callers: '1,32', warmUp: '5000', settling: '0' }
const DEFAULTS: Record<string, Defaults> = {
  calls: { callers: '1,32', warmUp: '50000', settling: '2' },
  results: { ...OTHER, callers: '8' },
  scale: { callers: '32', warmUp: '20000', settling: '1' },
  curves: { callers: '32', warmUp: '20000', settling: '1' },
  progress: { ...OTHER, callers: '8' },
}

/** The options of the command line. @throws Error that says which one is wrong */
export function optionsFrom(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      callers: { type: 'string' },
      calls: { type: 'string', default: '5000' },
      'warm-up': { type: 'string' },
      rounds: { type: 'string', default: '3' },
      settling: { type: 'string' },
      only: { type: 'string' },
      peers: { type: 'boolean', default: false },
      payload: { type: 'string', default: '0' },
      progress: { type: 'string', default: '0' },
      era: { type: 'string', default: 'modern' },
      answer: { type: 'string', default: 'json' },
      sessions: { type: 'string', default: '5000' },
      clients: { type: 'string', default: '500' },
      edits: { type: 'string', default: '1000' },
      json: { type: 'string' },
      chart: { type: 'string' },
      'at-most': { type: 'string', default: 'Infinity' },
      short: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { short, peers, json, chart, help } = values
  const [command = 'calls', ...more] = positionals
  if (more.length > 0) throw new Error(`One scenario at a time: ${positionals.join(' ')}`)
  const defaults = short ? SHORT : (DEFAULTS[command] ?? OTHER)
  return {
    command,
    callers: listed(values.callers ?? defaults.callers).map((text) => counted('callers', text)),
    calls: counted('calls', values.calls),
    warmUp: counted('warm-up', values['warm-up'] ?? defaults.warmUp),
    rounds: counted('rounds', values.rounds),
    settling: counted('settling', values.settling ?? defaults.settling, 0),
    only: listed(values.only ?? (short ? 'modern,rest' : '')),
    peers,
    bytes: sizeOf(values.payload),
    progress: counted('progress', values.progress, 0),
    era: oneOf('era', values.era, ['modern', 'legacy']),
    answer: oneOf('answer', values.answer, ['json', 'sse']),
    sessions: counted('sessions', values.sessions),
    clients: counted('clients', values.clients),
    edits: counted('edits', values.edits),
    json,
    chart,
    atMost: ratioOf(values['at-most']),
    help,
  }
}

function listed(text: string): string[] {
  return text.split(',').filter((each) => each !== '')
}

function counted(name: string, text: string, least: 0 | 1 = 1): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < least)
    throw new Error(`--${name} has to be ${least === 0 ? 'zero or ' : ''}a positive integer: ${text}`)
  return count
}

function ratioOf(text: string): number {
  const ratio = Number(text)
  if (!(ratio > 0)) throw new Error(`--at-most has to be a positive number: ${text}`)
  return ratio
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
