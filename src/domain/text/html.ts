import { HIDING } from './model-text.ts'
import { visible } from './visible.ts'

/** What a template may contain; text is escaped, `false`, `null` and `undefined` are nothing. */
export type Part = Html | string | number | false | null | undefined | readonly Part[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A piece of a page that is safe to send: the functions of this file make it of texts that they escape. */
export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/**
 * Makes HTML of a template: what is between the texts of the program is escaped, unless it is such HTML itself. In
 * attributes it needs quotes around it.
 */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(texts.reduce((whole, text, index) => whole + escaped(parts[index - 1]) + text))
}

/** An attribute with a blank before it: the bare name for `true`, nothing for `undefined` and `false`. */
export function attribute(name: string, value: string | number | boolean | undefined): Html {
  if (value === undefined || value === false) return new Html('')
  return new Html(value === true ? ` ${name}` : ` ${name}="${escaped(String(value))}"`)
}

/** Fields of forms, tags, and the texts between them. */
const PIECES = /<textarea[^<>]*>[^<]*|<[^<>]*>|[^<]+/g

/**
 * A page with codes such as `<U+202E>` in place of the characters that hide or turn text, which strangers choose. Fields of
 * forms keep them, because they are sent back.
 */
export function undisguised(page: Html): Html {
  const markup = page.toString()
  if (markup.search(HIDING) === -1) return page
  return new Html(
    markup.replace(PIECES, (piece) => (piece.startsWith('<') ? piece : piece.replace(HIDING, shownCode))),
  )
}

function shownCode(hiding: string): string {
  return escaped(visible(hiding))
}

function escaped(part: Part): string {
  if (part === undefined || part === null || part === false) return ''
  if (part instanceof Html) return part.toString()
  if (typeof part === 'object') return part.map(escaped).join('')
  return String(part).replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? character)
}
