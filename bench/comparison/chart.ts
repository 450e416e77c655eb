import type { Row, Spread } from './figures.ts'

const WIDTH = 760
const LABELS = 190
const VALUES = 130
const LINE = 26
const TOP = 44
const BAR = 14
const STYLE = `text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-weight:600}.bar{fill:#0969da}.bounds{stroke:#1f2328;stroke-width:1.5}.floor{stroke:#cf222e;stroke-dasharray:4 3}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.bar{fill:#4493f8}.bounds{stroke:#e6edf3}.floor{stroke:#ff7b72}}`

/** A row that was measured next to the bare proxy. */
type Compared = Row & { readonly ratio: Spread }

/**
 * The rows as bars, an SVG: processor time of a call in multiples of the bare proxy, the median as a bar and the smallest and
 * the largest value as a line. @throws RangeError when no row was measured next to the bare proxy
 */
export function chartOf(rows: readonly Row[]): string {
  const compared = rows.filter((row): row is Compared => row.ratio !== undefined)
  if (compared.length === 0) throw new RangeError('nothing was measured next to the bare proxy')
  const largest = Math.max(1, ...compared.map(({ ratio }) => ratio.max))
  const x = (ratio: number): string => (LABELS + ((WIDTH - LABELS - VALUES) * ratio) / largest).toFixed(1)
  const height = TOP + compared.length * LINE + 12
  const lines = compared.map(({ system, callers, ratio }, index) => {
    const middle = TOP + index * LINE + LINE / 2
    const width = (Number(x(ratio.median)) - LABELS).toFixed(1)
    return `<text x="8" y="${middle + 4}">${escaped(system)}, ${callers} ${callers === 1 ? 'caller' : 'callers'}</text>
<rect class="bar" x="${LABELS}" y="${middle - BAR / 2}" width="${width}" height="${BAR}"/>
<line class="bounds" x1="${x(ratio.min)}" y1="${middle}" x2="${x(ratio.max)}" y2="${middle}"/>
<text x="${WIDTH - VALUES + 8}" y="${middle + 4}">${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)})</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Processor time of a call in multiples of the bare proxy">
<style>${STYLE}</style>
<text class="title" x="8" y="24">Processor time of a call, in multiples of the bare proxy: median, smallest and largest</text>
${lines.join('\n')}
<line class="floor" x1="${x(1)}" y1="${TOP - 6}" x2="${x(1)}" y2="${height - 8}"/>
</svg>
`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
