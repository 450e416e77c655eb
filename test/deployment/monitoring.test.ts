import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { stringify } from 'yaml'
import { z } from 'zod'
import { metricsText, reportedMetrics } from '../../scripts/metrics-page.ts'
import { describeWhere } from '../support/describe-where.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { textOf, yamlOf } from './files.ts'

const RULES = 'infra/prometheus/tool-gateway.rules.yaml'
const DASHBOARD = 'infra/grafana/tool-gateway.json'
const PLACEHOLDER = 'https://gateway.example.com/docs/runbooks#'

const { groups } = z
  .strictObject({
    groups: z.array(
      z.strictObject({
        name: z.string(),
        interval: z.string(),
        rules: z.array(
          z.strictObject({
            alert: z.string().regex(/^([A-Z][a-z]+)+$/),
            expr: z.string(),
            for: z.string().regex(/^\d+s$/, 'in seconds, as Google Cloud wants it'),
            labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
            annotations: z.strictObject({
              summary: z.string(),
              description: z.string().regex(/\.$/),
              runbook_url: z.string().startsWith(PLACEHOLDER),
            }),
          }),
        ),
      }),
    ),
  })
  .parse(yamlOf(RULES)[0])
const rules = groups.flatMap((group) => group.rules)

const query = z.object({ expr: z.string(), datasource: z.object({ uid: z.literal('${datasource}') }) })
const dashboard = z
  .object({
    uid: z.literal('tool-gateway'),
    id: z.null(),
    panels: z.array(
      z.object({
        id: z.number(),
        title: z.string(),
        type: z.enum(['row', 'stat', 'timeseries']),
        gridPos: z.object({ h: z.number(), w: z.number(), x: z.number(), y: z.number() }),
        targets: z.array(query).default([]),
      }),
    ),
    templating: z.object({
      list: z.array(z.object({ name: z.string(), type: z.string(), definition: z.string().default('') })),
    }),
  })
  .parse(JSON.parse(textOf(DASHBOARD)))

/** The queries of all panels, with values in place of the dashboard's variables. */
const queries = dashboard.panels
  .flatMap(({ targets }) => targets)
  .map(({ expr }) => expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(job|server)\b/g, '.*'))

/** Series as Prometheus stores them: a histogram has three. */
async function storedNames(): Promise<Set<string>> {
  const metrics = await reportedMetrics()
  return new Set(
    metrics.flatMap(({ name, type }) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    ),
  )
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/\b(?:gateway|mcp|process|nodejs|v8js)_\w+(?=[{[)\s,]|$)/g)].map(([name]) => name)
}

const OF_LABELS = new Set(['mcp_method_name'])

test('alerts and the dashboard of Prometheus ask for metrics that the gateway has', async () => {
  const stored = await storedNames()
  const asked = [...rules.map(({ expr }) => expr), ...queries].flatMap(namesIn)
  const variables = dashboard.templating.list.flatMap(({ definition }) => namesIn(definition))

  expect(new Set(asked).size).toBeGreaterThan(30)
  expect(
    [...new Set([...asked, ...variables])].filter((name) => !stored.has(name) && !OF_LABELS.has(name)),
  ).toEqual([])
})

test('every alert leads to a section of the runbooks, which has the query of the alert, and none is for nothing', () => {
  const sections = textOf('docs/runbooks.md').split(/^## /m).slice(1)
  const byName = new Map(sections.map((section) => [section.split('\n', 1).join(), section]))

  expect([...byName.keys()]).toEqual(rules.map(({ alert }) => alert))
  expect(rules.map(({ annotations }) => annotations.runbook_url)).toEqual(
    rules.map(({ alert }) => `${PLACEHOLDER}${alert.toLowerCase()}`),
  )
  for (const section of byName.values()) {
    expect(section).toMatch(/^\*\*Meaning\*\*/m)
    expect(section).toMatch(/^\*\*Diagnose\*\*/m)
    expect(section).toMatch(/^\*\*Fix\*\*/m)
  }
})

test('panels of the dashboard have numbers of their own and do not overlap', () => {
  const { panels } = dashboard
  const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
    Array.from({ length: h * w }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  )

  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  expect(new Set(cells).size).toBe(cells.length)
  expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([])
  expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toEqual([
    ['datasource', 'datasource'],
    ['job', 'query'],
    ['server', 'query'],
  ])
})

/** In CI it is required: without it these tests fail. */
const hasPromtool = spawnSync('promtool', ['--version']).status === 0 || Boolean(process.env['CI'])

function promtool(args: readonly string[], input?: string): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', args, {
    encoding: 'utf8',
    cwd: join(import.meta.dirname, '../..'),
    ...(input !== undefined && { input }),
  })
  return { status, output: `${stdout}${stderr}` }
}

describeWhere(hasPromtool, 'promtool')('as promtool sees it', () => {
  test('the alerts can be read', () => {
    expect(promtool(['check', 'rules', RULES])).toEqual({
      status: 0,
      output: expect.stringContaining(`SUCCESS: ${rules.length} rules found`),
    })
  })

  test('each alert is raised by its trouble, and none by a gateway that is well', () => {
    expect(promtool(['test', 'rules', 'infra/prometheus/tool-gateway.rules.test.yaml'])).toEqual({
      status: 0,
      output: expect.stringContaining('SUCCESS'),
    })
  })

  test('the queries of the dashboard are valid', async () => {
    const recorded = queries.map((expr, index) => ({ record: `panel:${index}`, expr }))
    await using folder = await temporaryDirectory()
    const file = join(folder.path, 'panels.yaml')
    await writeFile(file, stringify({ groups: [{ name: 'panels', rules: recorded }] }))
    expect(promtool(['check', 'rules', file])).toEqual({
      status: 0,
      output: expect.stringContaining(`SUCCESS: ${queries.length} rules found`),
    })
  })

  test('the metrics of a gateway have nothing to complain about', async () => {
    expect(promtool(['check', 'metrics'], await metricsText())).toEqual({ status: 0, output: '' })
  })
})
