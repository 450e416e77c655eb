import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { Problem } from '../domain/documents/problems.ts'
import { boundedValue } from './bounded-value.ts'
import { Fuel } from './fuel.ts'
import { compileExpression, type Expression } from './expression.ts'
import type { ScopeNames } from './expression-rules.ts'

/** JSON in whose texts `${…}` stands for expressions. */
export interface Template {
  /** What is known of the value before there are any data. */
  readonly known: Known
  /**
   * @param fuel for the work of all its expressions
   * @throws Error with a sentence for the one who wrote it
   */
  render(scope: JsonObject, fuel?: Fuel): unknown
}

/** A value that holds no expression, a text of which some parts are open, the members of an object, or nothing. */
export type Known =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'text' }
  | { readonly kind: 'object'; readonly members: Readonly<Record<string, Known>> }
  | { readonly kind: 'open' }

type Piece = string | Expression

/**
 * Compiles a template. A text that is a single expression becomes its value, of any type; elsewhere values become text,
 * as JSON unless they are text already. `$${` is a literal `${`.
 * @param path its place in the document
 * @param problems gets the problems of the template
 */
export function compileTemplate(
  value: unknown,
  { path, names, problems }: { path: string; names: ScopeNames; problems: Problem[] },
): Template {
  if (typeof value === 'string') return textTemplate(piecesOf(value, { path, names, problems }))
  if (Array.isArray(value)) {
    const members = value.map((each, index) =>
      compileTemplate(each, { path: `${path}[${index}]`, names, problems }),
    )
    const isKnown = members.every(({ known }) => known.kind === 'value')
    return {
      known: isKnown ? { kind: 'value', value } : { kind: 'open' },
      render: (scope, fuel = new Fuel()) => members.map((member) => member.render(scope, fuel)),
    }
  }
  if (isJsonObject(value)) return objectTemplate(value, { path, names, problems })
  return { known: { kind: 'value', value }, render: () => value }
}

/** An object of templates; its own names are taken as they are. */
export function objectTemplate(
  value: JsonObject,
  { path, names, problems }: { path: string; names: ScopeNames; problems: Problem[] },
): Template & { render(scope: JsonObject, fuel?: Fuel): JsonObject } {
  const members = Object.entries(value).map(
    ([key, each]) => [key, compileTemplate(each, { path: `${path}.${key}`, names, problems })] as const,
  )
  return {
    known: {
      kind: 'object',
      members: Object.fromEntries(members.map(([key, { known }]) => [key, known])),
    },
    render: (scope, fuel = new Fuel()) =>
      Object.fromEntries(members.map(([key, member]) => [key, member.render(scope, fuel)])),
  }
}

/** A value as a text has it. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : JSON.stringify(value)
}

function textTemplate(pieces: readonly Piece[]): Template {
  const [only = ''] = pieces
  if (pieces.length <= 1)
    return typeof only === 'string'
      ? { known: { kind: 'value', value: only }, render: () => only }
      : { known: { kind: 'open' }, render: (scope, fuel) => only.evaluate(scope, fuel) }
  const render = (scope: JsonObject, fuel = new Fuel()): unknown => {
    let text = ''
    for (const piece of pieces) {
      text += typeof piece === 'string' ? piece : textOf(piece.evaluate(scope, fuel))
      boundedValue(text)
    }
    return text
  }
  return { known: { kind: 'text' }, render }
}

function piecesOf(
  text: string,
  { path, names, problems }: { path: string; names: ScopeNames; problems: Problem[] },
): Piece[] {
  const pieces: Piece[] = []
  let literal = ''
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('${', at)
    if (open === -1) break
    if (text[open - 1] === '$' && open > at) {
      literal += `${text.slice(at, open - 1)}\${`
      at = open + 2
      continue
    }
    literal += text.slice(at, open)
    const close = endOf(text, open + 2)
    if (close === undefined) {
      problems.push({ path, text: 'a ${ is not closed by a }' })
      return []
    }
    const expression = compileExpression(text.slice(open + 2, close).trim(), names)
    if ('evaluate' in expression) {
      if (literal !== '') pieces.push(literal)
      literal = ''
      pieces.push(expression)
    } else problems.push(...expression.map((finding) => ({ path, text: finding })))
    at = close + 1
  }
  literal += text.slice(at)
  return literal === '' ? pieces : [...pieces, literal]
}

/** Where the brace is that ends an expression, past those within it and what stands in quotes. */
function endOf(text: string, start: number): number | undefined {
  let depth = 0
  let quote = ''
  for (let at = start; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if (quote !== '') {
      if (character === '\\') at += 1
      else if (character === quote) quote = ''
    } else if (character === "'" || character === '"' || character === '`') quote = character
    else if (character === '{') depth += 1
    else if (character === '}') {
      if (depth === 0) return at
      depth -= 1
    }
  }
  return undefined
}
