import { html, type Html } from '../../domain/text/html.ts'

const NUMBER = new Intl.NumberFormat('en')
const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
]

/** A whole number with separators. */
export function count(value: number): string {
  return NUMBER.format(value)
}

/** `1 server`, `2 servers`. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`
}

/** A duration in the unit that fits: `0.4 ms`, `35 ms`, `1.2 s`; a dash for none. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return '–'
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}

/** A size in bytes in the unit that fits. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1_048_576) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}

/** How long ago something was, with the exact time for who points at it. */
export function ago(at: string | number | undefined, nowMs: number): Html | undefined {
  const atMs = typeof at === 'string' ? Date.parse(at) : at
  if (atMs === undefined || Number.isNaN(atMs)) return undefined
  const iso = new Date(atMs).toISOString()
  return html`<time datetime="${iso}" title="${iso}">${distance(nowMs - atMs)} ago</time>`
}

/** A point in time as logs have it, without the date where it is today. */
export function clockTime(at: string, nowMs: number): Html {
  const today = new Date(nowMs).toISOString().slice(0, 10)
  const shown = at.slice(0, 10) === today ? at.slice(11, 19) : at.slice(0, 19).replace('T', ' ')
  return html`<time datetime="${at}" title="${at}">${shown}</time>`
}

/** A length of time in its largest unit. */
export function distance(ms: number): string {
  const [unit, name] = UNITS.find(([length]) => ms >= length) ?? [1000, 's']
  return `${Math.max(0, Math.floor(ms / unit))} ${name}`
}

/** About how many tokens of a model a text is: four characters each, as for English text and JSON. */
export function tokensOf(value: unknown): number {
  return Math.ceil((typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).length / 4)
}

/** Part of a whole in percent. */
export function percent(part: number, whole: number): string {
  if (whole === 0) return '–'
  const value = (part / whole) * 100
  return value > 0 && value < 0.1 ? '< 0.1 %' : `${value.toFixed(value < 10 && value > 0 ? 1 : 0)} %`
}
