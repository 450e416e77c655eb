import { LineCounter, parseDocument } from 'yaml'

const MAX_ALIAS_COUNT = 100

/** What a text says, or the place where it is no YAML. */
export type ParsedText = { readonly root: unknown } | { readonly problem: string }

/** Reads a text in YAML. @throws RangeError when it is nested too deeply */
export function parseYaml(text: string): ParsedText {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true, logLevel: 'error' })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lineCounter.linePos(error.pos[0])
    return { problem: `line ${line}, column ${col}: ${error.code.toLowerCase().replaceAll('_', ' ')}` }
  }
  try {
    return { root: document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }) as unknown }
  } catch {
    return { problem: 'aliases cannot be resolved, or there are too many' }
  }
}
