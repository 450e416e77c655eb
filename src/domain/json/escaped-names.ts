const BACKSLASH = 0x5c
/** How a number, `true`, `false` or `null` begins, and what is behind it. */
const SCALAR = /[-\dtfn]/
const BEHIND_SCALAR = /[\s,\]}]|$/g
const BLANKS = /\s*/y

/** The second parameter of `JSON.parse`. */
export type Reviver = (this: unknown, key: string, value: unknown) => unknown

/** Whether JSON text has a member whose name is written with an escape; what it says of other text means nothing. */
export function hasEscapedName(text: string): boolean {
  let at = text.indexOf('\\')
  while (at !== -1) {
    const end = endOfString(text, at)
    BLANKS.lastIndex = end
    BLANKS.exec(text)
    if (text[BLANKS.lastIndex] === ':') return true
    at = text.indexOf('\\', end)
  }
  return false
}

/**
 * The value of JSON text as `JSON.parse` should give it, made without the part of V8 that recognises names. It looks for
 * nothing that is wrong with the text, which must be valid.
 */
export function exactValue(text: string): unknown {
  const tree = new Tree()
  let at = 0
  while (at < text.length) {
    const char = text[at] ?? ''
    if (char === '"' || SCALAR.test(char)) {
      const end = char === '"' ? endOfString(text, at + 1) : endOfScalar(text, at)
      tree.take(JSON.parse(text.slice(at, end)))
      at = end
    } else {
      if (char === '{' || char === '[') tree.open(char === '{' ? {} : [])
      else if (char === '}' || char === ']') tree.close()
      at += 1
    }
  }
  return tree.root
}

/** A value that is made in the order of its text. */
class Tree {
  readonly #top: unknown[] = []
  readonly #open: object[] = [this.#top]
  /** For the next value in an object. */
  #name: string | undefined

  get root(): unknown {
    return this.#top[0]
  }

  open(container: object): void {
    this.#put(container)
    this.#open.push(container)
  }

  close(): void {
    this.#open.pop()
  }

  /** Takes a text, which is a name where one is due, or another value that holds no further ones. */
  take(value: unknown): void {
    if (this.#name === undefined && !Array.isArray(this.#open.at(-1))) this.#name = String(value)
    else this.#put(value)
  }

  #put(value: unknown): void {
    const into = this.#open.at(-1) ?? this.#top
    if (Array.isArray(into)) into.push(value)
    else addMember(into, this.#name ?? '', value)
    this.#name = undefined
  }
}

/** Gives each value to a function as `JSON.parse` does, innermost first, and takes what that returns. */
export function revived(
  value: unknown,
  reviver: Reviver,
  holder: object = { '': value },
  name = '',
): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const replaced = revived(member, reviver, value, key)
      if (replaced === undefined) Reflect.deleteProperty(value, key)
      else addMember(value, key, replaced)
    }
  }
  return reviver.call(holder, name, value)
}

/** Adds a member, whatever its name: one called `__proto__` is none when it is only assigned. */
function addMember(object: object, name: string, value: unknown): void {
  if (name !== '__proto__') Reflect.set(object, name, value)
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

function endOfScalar(text: string, from: number): number {
  BEHIND_SCALAR.lastIndex = from
  return BEHIND_SCALAR.exec(text)?.index ?? text.length
}

/** The place behind the quote that ends the string of which `from` is a character, and not the second one of an escape. */
function endOfString(text: string, from: number): number {
  let start = from
  for (;;) {
    const quote = text.indexOf('"', start)
    if (quote === -1) return text.length
    let at = quote
    while (at > start && text.charCodeAt(at - 1) === BACKSLASH) at -= 1
    if ((quote - at) % 2 === 0) return quote + 1
    start = quote + 1
  }
}
