import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { reportedMetrics } from '../../scripts/metrics-page.ts'
import { describeWhere } from '../support/describe-where.ts'
import { pathsOf, textOf } from './files.ts'

const infra = join(import.meta.dirname, '../../infra')
const hasTerraform = spawnSync('terraform', ['version']).status === 0

const all = pathsOf('infra/*.tf').map(textOf).join('\n')

describeWhere(hasTerraform, 'terraform')('as terraform sees it', () => {
  test('the files can be read and are formatted', () => {
    const { status, stdout } = spawnSync('terraform', ['fmt', '-check', '-recursive', infra], {
      encoding: 'utf8',
    })
    expect({ status, unformatted: stdout.trim() }).toEqual({ status: 0, unformatted: '' })
  })
})

test('variables are used as they are declared, and environments set those that have no default', () => {
  const declared = [...textOf('infra/variables.tf').matchAll(/^variable "(\w+)" \{\n([\s\S]*?)^\}/gm)]
  const names = declared.map(([, name]) => name)
  expect(new Set([...all.matchAll(/\bvar\.(\w+)/g)].map(([, name]) => name))).toEqual(new Set(names))
  const needed = declared.filter(([, , body = '']) => !/^ {2}default /m.test(body)).map(([, name]) => name)
  for (const path of ['infra/envs/dev.tfvars', 'infra/envs/prod.tfvars']) {
    const set = [...textOf(path).matchAll(/^(\w+) +=/gm)].map(([, name]) => name)
    expect(names).toEqual(expect.arrayContaining(set))
    expect(set).toEqual(expect.arrayContaining(needed))
  }
})

test('resources that are referred to exist', () => {
  const declared = [...all.matchAll(/^resource "(\w+)" "(\w+)"/gm)].map(([, type, name]) => `${type}.${name}`)
  const used = [...all.matchAll(/(?<![\w."/])(google_\w+\.\w+)/g)].map(([, name = '']) => name)
  expect(used.filter((name) => !declared.includes(name))).toEqual([])
})

test('the service account of stdio servers has no role', () => {
  const roles = [...all.matchAll(/^resource "google_\w+_iam_\w+" "\w+" \{\n([\s\S]*?)^\}/gm)]
  const members = roles.map(([, body = '']) => /member += (.+)/.exec(body)?.[1]).filter(Boolean)
  expect(members.length).toBeGreaterThan(5)
  expect(members.filter((member) => member?.includes('stdio'))).toEqual([])
})

test('CPU is there between requests, on every service', () => {
  expect(all.match(/^resource "google_cloud_run_v2_service"/gm)).toHaveLength(2)
  expect(all.match(/cpu_idle += false/g)).toHaveLength(2)
  expect(all.match(/path = "\/healthz"/g)).toHaveLength(2)
})

test('the dashboard asks for metrics that the gateway has, and the alerts are those of Prometheus', async () => {
  const reported = new Set((await reportedMetrics()).map(({ name }) => name))
  const monitoring = textOf('infra/monitoring.tf')
  const asked = [...monitoring.matchAll(/(?<!\.)\b(gateway_[a-z_]+?)(?:_bucket)?(?=[[{)])/g)].map(
    ([, name = '']) => name,
  )
  expect(asked.length).toBeGreaterThan(7)
  expect([...new Set(asked)].filter((name) => !reported.has(name))).toEqual([])
  const [, rules = ''] = /file\("\$\{path\.module\}\/([^"]+)"\)\)\.groups/.exec(monitoring) ?? []
  expect(pathsOf(`infra/${rules}`)).toEqual(['infra/prometheus/tool-gateway.rules.yaml'])
})
