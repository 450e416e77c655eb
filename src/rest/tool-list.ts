import { type Page, textOf } from '../catalog/page.ts'
import type { CatalogItem } from '../catalog/server-catalog.ts'
import { isForModels } from '../catalog/ui-tools.ts'
import { ViewTexts } from '../catalog/view-texts.ts'
import type { View } from '../catalog/view.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { ListText } from './list-answer.ts'

const MAX_BYTES = 16 * 1024 * 1024
const MAX_FORMS = 8

/** Keeps the texts of one kind of answer, 16 MiB of them together. */
export function keptTexts(): ViewTexts {
  return new ViewTexts({ maxBytes: MAX_BYTES, maxForms: MAX_FORMS })
}

/** A tool as its caller sees it. */
export function described({ shownAs, serverName, listed }: CatalogItem): JsonObject {
  return { ...listed, id: shownAs, server: serverName }
}

/** What a page of tools is made from. */
export interface ToolPage extends Page<CatalogItem> {
  readonly view: View
  /** The server whose tools are listed; undefined for all. */
  readonly server: string | undefined
  /** Whether the tools are those that have some words. */
  readonly isSearch: boolean
  /** Whether the tools are without what only their callers need. */
  readonly isBrief: boolean
  /** What the answer has behind the tools; at least one member. */
  readonly more: JsonObject
}

/** The answer with a page of tools, as JSON; the tools of pages that are no search are written once for a view. */
export function toolListText(texts: ViewTexts, page: ToolPage): ListText {
  const { view, server, isSearch, isBrief, items, start, more } = page
  const write = (): string => `{"tools":[${items.map(isBrief ? briefText : describedText).join(',')}`
  const form = JSON.stringify([start, items.length, server, isBrief])
  const isKept = !isSearch && items.length > 0
  const shared = isKept ? texts.textOf(view, form, write) : Buffer.from(write())
  return { shared, own: `],${JSON.stringify(more).slice(1)}`, isKept }
}

/** `described` as JSON. */
function describedText({ shownAs, serverName, listed }: CatalogItem): string {
  return extendedText(listed, { id: shownAs, server: serverName })
}

/** What tells a reader which tool it is and what it does, as JSON. */
function briefText({ shownAs, serverName, listed: { name, title, description } }: CatalogItem): string {
  return JSON.stringify({ name, title, description, id: shownAs, server: serverName })
}

const searched = new WeakMap<CatalogItem, string>()

/** Whether the name, title and description of a tool have all words of a query, in any case. */
export function mentions(tool: CatalogItem, words: readonly string[]): boolean {
  const text = searchedIn(tool)
  return words.every((word) => text.includes(word))
}

/** The words of a query. */
export function wordsOf(query: string): string[] {
  return query.toLowerCase().split(/\s+/)
}

function searchedIn(tool: CatalogItem): string {
  let text = searched.get(tool)
  if (text === undefined) {
    const { shownAs, listed } = tool
    text = `${shownAs} ${stringOr(listed['title'])} ${stringOr(listed['description'])}`.toLowerCase()
    searched.set(tool, text)
  }
  return text
}

function stringOr(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** `{ ...listed, ...more }` as JSON; `more` has at least one member. */
export function extendedText(listed: JsonObject, more: JsonObject): string {
  if (Object.keys(more).some((name) => name in listed)) return JSON.stringify({ ...listed, ...more })
  return `${textOf(listed).slice(0, -1)},${JSON.stringify(more).slice(1)}`
}

const ofViews = new WeakMap<View, readonly CatalogItem[]>()

/** The tools of a view that are not only for an app. @param server of this server only */
export function toolsForModels(view: View, server?: string): readonly CatalogItem[] {
  let all = ofViews.get(view)
  if (all === undefined) {
    all = view.tools.filter(({ listed }) => isForModels(listed))
    ofViews.set(view, all)
  }
  return server === undefined ? all : all.filter(({ serverName }) => serverName === server)
}
