import { isJsonObject } from '../domain/json/json.ts'
import { type Fuel, MEMBER, PART } from './fuel.ts'

/** Whether two JSON values are equal. @throws Error when to compare them is too much work */
export function isEqual(first: unknown, second: unknown, fuel: Fuel): boolean {
  fuel.burn(PART)
  if (first === second) {
    if (typeof first === 'string') fuel.burn(first.length)
    return true
  }
  if (Array.isArray(first))
    return (
      Array.isArray(second) &&
      first.length === second.length &&
      first.every((each, index) => isEqual(each, second[index], fuel))
    )
  if (!isJsonObject(first) || !isJsonObject(second)) return false
  const keys = Object.keys(first)
  fuel.burn(keys.length * MEMBER)
  return (
    keys.length === Object.keys(second).length &&
    keys.every((key) => Object.hasOwn(second, key) && isEqual(first[key], second[key], fuel))
  )
}

/** Whether a value counts as false: null, `false`, or empty. Looks at one member at most. */
export function isFalse(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  if (!isJsonObject(value)) return false
  for (const key in value) if (Object.hasOwn(value, key)) return false
  return true
}

/** Pays for a value as it would be written, each part as often as it stands in it. @throws Error */
export function payForAll(value: unknown, fuel: Fuel): void {
  fuel.burn(PART)
  // Escapes can make six characters of one.
  if (typeof value === 'string') fuel.burn(value.length * 4)
  else if (Array.isArray(value)) for (const each of value) payForAll(each, fuel)
  else if (isJsonObject(value))
    for (const [key, each] of Object.entries(value)) {
      fuel.burn(MEMBER + key.length * 2)
      payForAll(each, fuel)
    }
}

/** Pays for the first level of a value: what most functions look at. @throws Error */
export function payForBreadth(value: unknown, fuel: Fuel): void {
  if (typeof value === 'string') fuel.burn(value.length)
  else if (Array.isArray(value)) fuel.burn(value.length * PART)
  else if (isJsonObject(value)) fuel.burn(Object.keys(value).length * MEMBER)
}

/** The order of two texts by their code points. @throws Error */
export function textOrder(first: string, second: string, fuel: Fuel): number {
  const length = Math.min(first.length, second.length)
  let at = 0
  while (at < length && first.charCodeAt(at) === second.charCodeAt(at)) at += 1
  fuel.burn(PART + at)
  return at === length ? first.length - second.length : rank(first, at) - rank(second, at)
}

/** Surrogates stand for code points above all others. */
function rank(text: string, at: number): number {
  const unit = text.charCodeAt(at)
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit
}
