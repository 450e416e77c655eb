import {
  type Document,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  type Node,
  type Pair,
  stringify,
  type YAMLMap,
} from 'yaml'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { yamlDocument } from './yaml-text.ts'

/** Where in a registry file a document is, or is to be. */
export type EntryPath = readonly [section: string, key: string]

/** An entry to set or, without `value`, to remove. */
export interface EntryEdit {
  readonly path: EntryPath
  readonly value?: JsonObject
}

interface Splice {
  readonly start: number
  readonly end: number
  readonly text: string
}

interface Source {
  readonly text: string
  readonly document: Document
}

const STEP = 2

/**
 * The text of a registry file with some entries set or removed; every byte outside of them stays, and inside of
 * a changed entry what did not change stays too. Undefined when the text is not YAML or JSON.
 */
export function editEntries(text: string, edits: readonly EntryEdit[]): string | undefined {
  let edited = text
  for (const edit of edits) {
    const next = editEntry(edited, edit)
    if (next === undefined) return undefined
    edited = next
  }
  return edited
}

/** Applies the edits by writing the whole text again: comments and order stay, line breaks and quotes may change. */
export function rewriteEntries(text: string, edits: readonly EntryEdit[]): string | undefined {
  const document = parsed(text)
  if (document === undefined) return undefined
  for (const { path, value } of edits) {
    if (value === undefined) document.deleteIn(path)
    else document.setIn(path, document.createNode(value))
  }
  try {
    return document.toString({ lineWidth: 0 })
  } catch {
    return undefined
  }
}

function editEntry(text: string, edit: EntryEdit): string | undefined {
  const document = parsed(text)
  const root = document?.contents
  if (document === undefined || !isMap(root)) return undefined
  const source = { text, document }
  return spliced(text, edit.value === undefined ? unset(source, root, edit) : set(source, root, edit))
}

function unset(source: Source, root: YAMLMap, { path: [section, key] }: EntryEdit): Splice[] {
  const parent = pairOf(root, section)
  const entries = parent?.value
  const pair = isMap(entries) ? pairOf(entries, key) : undefined
  if (parent === undefined || !isMap(entries) || pair === undefined) return []
  const removed = removal(source, entries, pair)
  if (entries.flow === true || entries.items.length > 1) return [removed]
  const colon = source.text.indexOf(':', rangeOf(parent.key)[1]) + 1
  return [{ start: colon, end: colon, text: ' {}' }, removed]
}

function set(source: Source, root: YAMLMap, { path: [section, key], value }: EntryEdit): Splice[] {
  const only = { [key]: value }
  const entries = pairOf(root, section)
  if (entries === undefined) return [addition(source, root, { [section]: only })]
  const isEmpty = !isMap(entries.value) || (entries.value.items.length === 0 && root.flow !== true)
  if (isEmpty || !isMap(entries.value)) return [replacement(source, root, entries, only)]
  const pair = pairOf(entries.value, key)
  return pair === undefined
    ? [addition(source, entries.value, only)]
    : setSplices(source, entries.value, pair, value)
}

function parsed(text: string): Document | undefined {
  const read = yamlDocument(text)
  return 'document' in read ? read.document : undefined
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => keyOf(pair) === key)
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : ''
}

/** Sets the value of a pair: only the members that differ where it was and stays a map. */
function setSplices(source: Source, map: YAMLMap, pair: Pair, value: unknown): Splice[] {
  const node = pair.value
  if (isNode(node) && canonicalJson(node.toJS(source.document)) === canonicalJson(value)) return []
  if (!isMap(node) || node.items.length === 0 || !isJsonObject(value) || Object.keys(value).length === 0) {
    return [replacement(source, map, pair, value)]
  }
  const before: unknown = node.toJS(source.document)
  const kept = node.items.filter((member) => keyOf(member) in value)
  if (kept.length === 0) return [replacement(source, map, pair, value)]
  const present = new Set(node.items.map(keyOf))
  const added = Object.entries(value).filter(
    ([key, member]) =>
      !present.has(key) && !(isJsonObject(before) && canonicalJson(before[key]) === canonicalJson(member)),
  )
  const removed = node.items.filter((member) => !(keyOf(member) in value) && keyOf(member) !== '<<')
  // A comma belongs to two neighbours: if both change, the whole map is written again.
  if (node.flow === true && removed.length > 0) return [replacement(source, map, pair, value)]
  return [
    ...removed.map((member) => removal(source, node, member)),
    ...kept.flatMap((member) => setSplices(source, node, member, value[keyOf(member)])),
    ...(added.length === 0 ? [] : [addition(source, node, Object.fromEntries(added))]),
  ]
}

/** Writes key and value again in their place; the rest of the line stays. */
function replacement({ text }: Source, map: YAMLMap, pair: Pair, value: unknown): Splice {
  const [start, keyEnd] = rangeOf(pair.key)
  const end = start + text.slice(start, endOfPair(pair)).trimEnd().length
  const key = text.slice(start, keyEnd)
  const column = start - lineStart(text, start)
  if (map.flow === true) {
    return {
      start,
      end,
      text: `${key}: ${flowText(text, value, isOwnLine(text, start) ? column : undefined)}`,
    }
  }
  return { start, end, text: blockText(key, value, column).trimEnd() }
}

/** New pairs after the last one of a map. */
function addition(source: Source, map: YAMLMap, members: JsonObject): Splice {
  return map.flow === true ? flowAddition(source, map, members) : blockAddition(source, map, members)
}

function blockAddition({ text }: Source, map: YAMLMap, members: JsonObject): Splice {
  const last = map.items.at(-1)
  const first = map.items[0]
  const [start] = rangeOf(first?.key)
  const column = start - lineStart(text, start)
  const at = last === undefined ? text.length : endOfLines(text, endOfPair(last), column)
  const lines = Object.entries(members).map(
    ([key, value]) => `${' '.repeat(column)}${blockText(yamlKey(key), value, column)}`,
  )
  const opening = at > 0 && text[at - 1] !== '\n' ? '\n' : ''
  return { start: at, end: at, text: opening + lines.join('') }
}

function flowAddition({ text }: Source, map: YAMLMap, members: JsonObject): Splice {
  const [start, end] = rangeOf(map)
  const last = map.items.at(-1)
  const firstKey = map.items.length > 0 ? rangeOf(map.items[0]?.key)[0] : undefined
  const isPretty = firstKey === undefined ? text.trim().includes('\n') : isOwnLine(text, firstKey)
  const column =
    firstKey === undefined ? indentOfLine(text, start) + STEP : firstKey - lineStart(text, firstKey)
  const glue = isPretty ? `\n${' '.repeat(column)}` : ' '
  const pairs = Object.entries(members).map(
    ([key, value]) => `${JSON.stringify(key)}: ${flowText(text, value, isPretty ? column : undefined)}`,
  )
  if (last !== undefined) {
    const at = endOfPair(last)
    return { start: at, end: at, text: pairs.map((pair) => `,${glue}${pair}`).join('') }
  }
  const closing = isPretty ? `\n${' '.repeat(indentOfLine(text, start))}` : ' '
  return {
    start,
    end,
    text: `{${pairs.map((pair, index) => `${index === 0 ? '' : ','}${glue}${pair}`).join('')}${closing}}`,
  }
}

/** A pair with its line, its trailing comment and the comments that are indented deeper than it. */
function removal({ text }: Source, map: YAMLMap, pair: Pair): Splice {
  const [start] = rangeOf(pair.key)
  if (map.flow !== true) {
    const from = lineStart(text, start)
    return { start: from, end: endOfLines(text, endOfPair(pair), start - from), text: '' }
  }
  const index = map.items.indexOf(pair)
  const next = map.items[index + 1]
  const previous = map.items[index - 1]
  if (next !== undefined) return { start, end: rangeOf(next.key)[0], text: '' }
  if (previous !== undefined) return { start: endOfPair(previous), end: endOfPair(pair), text: '' }
  const [open, close] = rangeOf(map)
  return { start: open, end: close, text: '{}' }
}

/** `key: value` with its line end, in block style below `column`. */
function blockText(key: string, value: unknown, column: number): string {
  const body = stringify(value, { lineWidth: 0, indent: STEP, blockQuote: false })
  const isNested = typeof value === 'object' && value !== null && Object.keys(value).length > 0
  if (!isNested) return `${key}: ${body}`
  const indent = ' '.repeat(column + STEP)
  return `${key}:\n${body.replace(/^(?=.)/gm, indent)}`
}

/** JSON text, over several lines where its neighbours are. */
function flowText(text: string, value: unknown, column: number | undefined): string {
  if (column === undefined) return JSON.stringify(value)
  const unit = /\n( +|\t+)\S/.exec(text)?.[1] ?? ' '.repeat(STEP)
  const own = unit.startsWith('\t') ? '\t'.repeat(column) : ' '.repeat(column)
  return JSON.stringify(value, undefined, unit).replaceAll('\n', `\n${own}`)
}

function yamlKey(key: string): string {
  return stringify(key, { lineWidth: 0 }).trimEnd()
}

/** Where the last text of a pair ends: comments and blank lines that follow are not part of it. */
function endOfPair({ key, value }: Pair): number {
  return isNode(value) ? endOfNode(value) : rangeOf(key)[1]
}

function endOfNode(node: Node): number {
  const last: unknown = isCollection(node) && node.flow !== true ? node.items.at(-1) : undefined
  if (isNode(last)) return endOfNode(last)
  if (isPair(last)) return endOfPair(last)
  return rangeOf(node)[1]
}

/** The end of the line at `position`, and of the lines after it that are comments indented deeper than `column`. */
function endOfLines(text: string, position: number, column: number): number {
  let end = position > 0 && text[position - 1] === '\n' ? position : lineEnd(text, position)
  const deeper = new RegExp(`(?:[ \\t]*\\r?\\n)*[ ]{${column + 1},}#[^\\n]*(?:\\n|$)`, 'y')
  for (deeper.lastIndex = end; deeper.test(text);) end = deeper.lastIndex
  return end
}

function lineStart(text: string, position: number): number {
  return text.lastIndexOf('\n', position - 1) + 1
}

function lineEnd(text: string, position: number): number {
  const end = text.indexOf('\n', position)
  return end === -1 ? text.length : end + 1
}

function isOwnLine(text: string, position: number): boolean {
  return text.slice(lineStart(text, position), position).trim() === ''
}

function indentOfLine(text: string, position: number): number {
  return /^[ \t]*/.exec(text.slice(lineStart(text, position)))?.[0].length ?? 0
}

function rangeOf(node: unknown): readonly [number, number] {
  const range = isNode(node) ? node.range : undefined
  if (range === undefined || range === null || isAlias(node)) return [range?.[0] ?? 0, range?.[1] ?? 0]
  return [range[0], range[1]]
}

function spliced(text: string, splices: readonly Splice[]): string {
  let result = ''
  let done = 0
  for (const { start, end, text: inserted } of splices.toSorted(
    (a, b) => a.start - b.start || a.end - b.end,
  )) {
    result += text.slice(done, start) + inserted
    done = Math.max(done, end)
  }
  return result + text.slice(done)
}
