import { InvalidArgumentError } from 'commander'

/** A time of an option, in milliseconds since the epoch. */
export function timeOption(text: string): number {
  const at = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at)) throw new InvalidArgumentError('expected a time as 2026-01-31T00:00:00Z')
  return at
}
