interface Range {
  readonly type: string
  readonly quality: number
}

const MAX_RANGES = 64

/** The media type that a `Content-Type` header names, in lower case and without parameters (RFC 9110 §8.3). */
export function mediaTypeOf(header: string): string {
  const end = header.indexOf(';')
  return (end === -1 ? header : header.slice(0, end)).trim().toLowerCase()
}

/**
 * Whether an `Accept` header takes a media type (RFC 9110 §12.5.1): the most specific range counts, `q=0` refuses, case
 * and parameters do not matter, and without the header everything is taken.
 * @param type in lower case, without parameters
 */
export function acceptsType(header: string | undefined, type: string): boolean {
  const ranges = rangesOf(header)
  if (ranges.length === 0) return true
  const [major] = type.split('/')
  for (const candidate of [type, `${major}/*`, '*/*']) {
    const found = ranges.find((range) => range.type === candidate)
    if (found !== undefined) return found.quality > 0
  }
  return false
}

function rangesOf(header = ''): Range[] {
  return header
    .split(',', MAX_RANGES)
    .map((text) => {
      const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
      return { type, quality: qualityOf(parameters) }
    })
    .filter(({ type }) => type !== '')
}

function qualityOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))
  const quality = weight === undefined ? 1 : Number(weight.slice(weight.indexOf('=') + 1))
  return Number.isNaN(quality) ? 1 : quality
}
