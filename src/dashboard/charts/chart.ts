import { html, type Html, type Part } from '../../domain/text/html.ts'

/** One line or one part of the bars of a chart, a value for each step of time; undefined where there is none. */
interface ChartSeries {
  readonly name: string
  /** Which colour of the style sheet. */
  readonly ink: 'accent' | 'accent-2' | 'accent-3' | 'bad' | 'busy' | 'calm'
  readonly values: readonly (number | undefined)[]
  /** What the legend says in addition to the name. */
  readonly shown: string
}

/** What a chart is about. */
export interface ChartOptions {
  readonly title: string
  /** The chart in one sentence, for those who do not see it. */
  readonly summary: string
  readonly series: readonly ChartSeries[]
  /** A value as the axis has it. */
  readonly format: (value: number) => string
  readonly from: Part
}

const WIDTH = 600
const HEIGHT = 140

/** Values over time as lines. */
export function lineChart(options: ChartOptions): Html {
  const top = niceCeiling(
    Math.max(0, ...options.series.flatMap(({ values }) => values.map((value) => value ?? 0))),
  )
  const lines = options.series.map(
    ({ ink, values }) =>
      html`<path class="line ${ink}" d="${linePath(values, top)}" vector-effect="non-scaling-stroke" />`,
  )
  return frame(options, top, lines)
}

/** Counts over time as bars, each series on top of the one before. */
export function barChart(options: ChartOptions): Html {
  const { series } = options
  const steps = series[0]?.values.length ?? 0
  const sums = Array.from({ length: steps }, (_, step) => sumAt(series, step))
  const top = niceCeiling(Math.max(0, ...sums))
  const bars = series.map(({ ink, values }, index) => {
    const below = Array.from({ length: steps }, (_, step) => sumAt(series.slice(0, index), step))
    return html`<path class="bar ${ink}" d="${barPath(values, below, top)}" />`
  })
  return frame(options, top, bars)
}

/** The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below the value. */
function niceCeiling(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return power * ([1, 2, 2.5, 5].find((factor) => factor * power >= value) ?? 10)
}

function frame({ title, summary, series, format, from }: ChartOptions, top: number, marks: Part): Html {
  return html`<figure class="chart">
    <figcaption>
      <h3>${title}</h3>
      <ul class="legend">
        ${series.map(({ name, ink, shown }) => html`<li><i class="ink ${ink}"></i>${name} <b>${shown}</b></li>`)}
      </ul>
    </figcaption>
    <div class="plot">
      <span class="top-value" aria-hidden="true">${format(top)}</span>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${summary}">
        <path
          class="grid"
          d="M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}"
          vector-effect="non-scaling-stroke"
        />
        ${marks}
      </svg>
      <div class="span" aria-hidden="true"><span>${from}</span><span>now</span></div>
    </div>
  </figure>`
}

/** A gap where there is no value; a single value between two gaps is a short stroke. */
function linePath(values: readonly (number | undefined)[], top: number): string {
  const step = WIDTH / Math.max(1, values.length)
  let isOpen = false
  return values
    .map((value, index) => {
      if (value === undefined) {
        isOpen = false
        return ''
      }
      const at = `${round(index * step)} ${round(HEIGHT - (value / top) * HEIGHT)}`
      const isAlone = !isOpen && values[index + 1] === undefined
      const text = `${isOpen ? 'L' : 'M'}${at}${isAlone ? `h${round(step)}` : ''}`
      isOpen = true
      return text
    })
    .join('')
}

function barPath(values: readonly (number | undefined)[], below: readonly number[], top: number): string {
  const step = WIDTH / Math.max(1, values.length)
  return values
    .map((value = 0, index) => {
      if (value === 0) return ''
      const height = (value / top) * HEIGHT
      const y = HEIGHT - ((below[index] ?? 0) / top) * HEIGHT - height
      return `M${round(index * step)} ${round(y)}h${round(step * 0.8)}v${round(height)}h-${round(step * 0.8)}z`
    })
    .join('')
}

function sumAt(series: readonly ChartSeries[], step: number): number {
  return series.reduce((sum, { values }) => sum + (values[step] ?? 0), 0)
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}
