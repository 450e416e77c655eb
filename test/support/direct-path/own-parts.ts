import { isJsonObject } from '../../../src/domain/json/json.ts'

/** What each gateway makes for itself: ids of requests, and sealed states. */
const OWN = new Set(['requestId', 'requestState'])

/** A value without what each gateway makes for itself, and without members that the SDK loses: those named `__proto__`. */
export function withoutOwn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutOwn)
  if (!isJsonObject(value)) return value
  const members = Object.entries(value).filter(([name]) => name !== '__proto__')
  return Object.fromEntries(
    members.map(([name, member]) => [name, OWN.has(name) ? 'its own' : withoutOwn(member)]),
  )
}
