import type { TextPart } from './compact-text.ts'

const URI =
  /^tool-gateway:\/\/results\/([a-z][a-z0-9-]{0,39})\/([\w-]{24})(?:\?from=(\d{1,10})&length=(\d{1,10}))?$/

/** The URI of a stored result, in its parts. */
export interface StoredUri {
  readonly server: string
  readonly id: string
  /** The part of its text, in characters; undefined for all of it. */
  readonly part: TextPart | undefined
}

/** Makes the URI of a stored result. */
export function storedUri({ server, id }: { readonly server: string; readonly id: string }): string {
  return `tool-gateway://results/${server}/${id}`
}

/** Reads the URI of a stored result; undefined for every other URI. */
export function storedUriIn(uri: string): StoredUri | undefined {
  const [, server, id, from, length] = URI.exec(uri) ?? []
  if (server === undefined || id === undefined) return undefined
  return { server, id, part: from === undefined ? undefined : { from: Number(from), length: Number(length) } }
}
