import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'

const MAX_ALIAS_COUNT = 100

/** What a text says, or the place where it is no YAML. */
export type ParsedText = { readonly root: unknown } | { readonly problem: string }

/** Reads a text in YAML. @throws RangeError when it is nested too deeply */
export function parseYaml(text: string): ParsedText {
  const read = yamlDocument(text)
  if ('problem' in read) return read
  try {
    return { root: read.document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }) as unknown }
  } catch {
    return { problem: 'aliases cannot be resolved, or there are too many' }
  }
}

/** The document of a text in YAML, with the place of each part. @throws RangeError when it is nested too deeply */
export function yamlDocument(text: string): { readonly document: Document } | { readonly problem: string } {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    merge: true,
    logLevel: 'error',
    // The library compares each key with every other one of its map.
    uniqueKeys: false,
  })
  const [error] = document.errors
  const repeated = error === undefined ? repeatedKey(document.contents) : undefined
  if (error === undefined && repeated === undefined) return { document }
  const { line, col } = lineCounter.linePos(error?.pos[0] ?? repeated ?? 0)
  const code = error?.code ?? 'DUPLICATE_KEY'
  return { problem: `line ${line}, column ${col}: ${code.toLowerCase().replaceAll('_', ' ')}` }
}

/** Where the first key stands that its map has already. */
function repeatedKey(node: unknown): number | undefined {
  if (isSeq(node)) return firstOf(node.items, repeatedKey)
  if (!isMap(node)) return undefined
  const keys = new Set<unknown>()
  return firstOf(node.items, ({ key, value }) => {
    const known = isScalar(key) ? key.value : key
    if (keys.has(known)) return isNode(key) ? (key.range?.[0] ?? 0) : 0
    keys.add(known)
    return repeatedKey(key) ?? repeatedKey(value)
  })
}

function firstOf<T>(items: readonly T[], placeIn: (item: T) => number | undefined): number | undefined {
  for (const item of items) {
    const place = placeIn(item)
    if (place !== undefined) return place
  }
  return undefined
}
