import type { TextPart } from './held-text.ts'

const URI =
  /^tool-gateway:\/\/results\/([a-z][a-z0-9-]{0,39})\/([\w-]{24})(?:\?from=(\d{1,10})&length=(\d{1,10}))?$/

/** A result that the gateway keeps, as its URI names it. */
export interface KeptUri {
  readonly server: string
  readonly id: string
  /** The part of its text, in characters; undefined for all of it. */
  readonly part: TextPart | undefined
}

/** The URI of a result that is kept. */
export function keptUri({ server, id }: { readonly server: string; readonly id: string }): string {
  return `tool-gateway://results/${server}/${id}`
}

/** What a URI of the gateway's own names; undefined for every other URI. */
export function keptUriIn(uri: string): KeptUri | undefined {
  const [, server, id, from, length] = URI.exec(uri) ?? []
  if (server === undefined || id === undefined) return undefined
  return { server, id, part: from === undefined ? undefined : { from: Number(from), length: Number(length) } }
}
