import type { ServerKey } from '../../domain/documents/server-definition.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { weightOf } from '../../domain/json/json-weight.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'
import { definitionHash } from './definition-hash.ts'
import type { Pin, PinsByTenant } from './pin-store.ts'

/** More than a server may list. */
const MAX_PINS = 20_000
/** Of the names and hashes for one server, and of the definitions that it has changed. */
const MAX_SERVER_BYTES = 8 * 1024 * 1024
/** Of the changed definitions of all servers. */
const MAX_ALL_BYTES = 32 * 1024 * 1024
/** Reserved for a server's changed definitions, so that other servers cannot displace them. */
const SERVER_SHARE_BYTES = 256 * 1024
/** A hash, a time, and the place in a map. */
const PIN_BYTES = 200
/** A member or half an object as a value; most take fewer. */
const WEIGHT_BYTES = 64

type Offered = ReadonlyMap<string, NamedItem>

/**
 * Limits the memory of pins. The hash is enough to detect a change: a definition is stored for comparison only for a tool
 * that is currently offered.
 */
export class PinMemory {
  readonly #maxPins: number
  /** Bytes of definitions that differ from the offered ones. */
  readonly #bytes = new Map<ServerKey, number>()
  #total = 0

  constructor({ maxPins = MAX_PINS }: { maxPins?: number | undefined } = {}) {
    this.#maxPins = maxPins
  }

  /** Counts the pins of a server from the start; the function gives each with its definition, or without. */
  counting(key: ServerKey, tools: readonly NamedItem[]): (tool: string, pin: Pin) => Pin {
    this.forget(key)
    return (name, pin) => this.#kept(key, byName(tools).get(name), pin)
  }

  /**
   * Removes definitions above the limits and, if there are too many pins, the oldest of tools that are no longer offered.
   * @param owner the tenant of the server
   * @returns the tools whose pins were removed
   */
  fit(key: ServerKey, pins: PinsByTenant, owner: string, tools: readonly NamedItem[]): string[] {
    const kept = this.counting(key, tools)
    for (const trusted of pins.values()) for (const [name, pin] of trusted) trusted.set(name, kept(name, pin))
    const trusted = pins.get(owner)
    return trusted === undefined ? [] : pruned(trusted, byName(tools), this.#maxPins)
  }

  forget(key: ServerKey): void {
    this.#total -= this.#bytes.get(key) ?? 0
    this.#bytes.delete(key)
  }

  #kept(key: ServerKey, offered: NamedItem | undefined, pin: Pin): Pin {
    // One object for both: it is in memory anyway.
    if (offered !== undefined && definitionHash(offered) === pin.hash)
      return pin.definition === offered ? pin : { ...pin, definition: offered }
    if (pin.definition === undefined) return pin
    const before = this.#bytes.get(key) ?? 0
    const bytes = offered === undefined ? Infinity : memoryOf(pin.definition)
    const left = Math.min(MAX_SERVER_BYTES - before, MAX_ALL_BYTES - this.#total)
    if (bytes <= Math.max(left, SERVER_SHARE_BYTES - before)) {
      this.#bytes.set(key, before + bytes)
      this.#total += bytes
      return pin
    }
    const { definition: _definition, ...hash } = pin
    return hash
  }
}

const named = new WeakMap<readonly NamedItem[], Offered>()

/** The tools of one list, which never changes, by name. */
function byName(tools: readonly NamedItem[]): Offered {
  const before = named.get(tools)
  if (before !== undefined) return before
  const made = new Map(tools.map((tool) => [tool.name, tool]))
  named.set(tools, made)
  return made
}

const sizes = new WeakMap<JsonObject, number>()

/** Estimates the memory of a definition higher than `memoryUpTo` does, and once: it is asked at each list of the server. */
function memoryOf(definition: JsonObject): number {
  const before = sizes.get(definition)
  if (before !== undefined) return before
  const size = JSON.stringify(definition).length + weightOf(definition) * WEIGHT_BYTES
  sizes.set(definition, size)
  return size
}

function pruned(trusted: Map<string, Pin>, offered: Offered, maxPins: number): string[] {
  let bytes = 0
  for (const name of trusted.keys()) bytes += bytesOf(name)
  const isTooMuch = (): boolean => trusted.size > maxPins || bytes > MAX_SERVER_BYTES
  if (!isTooMuch()) return []
  const gone = [...trusted].filter(([name]) => !offered.has(name)).toSorted(([, a], [, b]) => a.at - b.at)
  const names: string[] = []
  for (const [name] of gone) {
    if (!isTooMuch()) break
    trusted.delete(name)
    bytes -= bytesOf(name)
    names.push(name)
  }
  return names
}

/** A character takes two bytes, unless all of them are Latin. */
function bytesOf(name: string): number {
  return PIN_BYTES + name.length * 2
}
