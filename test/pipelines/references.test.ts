import { describe, expect, test } from '@jest/globals'
import type { PipelineDefinition } from '../../src/domain/documents/pipeline-definition.ts'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { withResolvedPipelines } from '../../src/pipelines/references.ts'
import { server, snapshotOf } from '../support/offers.ts'
import { pipeline } from './plans.ts'

/** A pipeline whose steps call these tools. */
function calls(name: string, tools: readonly string[], tenantId = 'acme'): PipelineDefinition {
  const steps = tools.map((tool, index) => ({ id: `s${index}`, tool }))
  return pipeline(steps, { name, tenantId })
}

function resolved(...pipelines: PipelineDefinition[]): Snapshot {
  const servers = [
    server({ name: 'files' }),
    server({ name: 'everywhere', tenantId: '*' }),
    server({ name: 'theirs', tenantId: 'globex' }),
  ]
  return withResolvedPipelines({
    ...snapshotOf(...servers),
    pipelines: new Map(pipelines.map((each) => [`${each.tenantId}.${each.name}`, each])),
  })
}

const reasons = (...pipelines: PipelineDefinition[]): string[] =>
  resolved(...pipelines).quarantined.map(({ id, reason }) => `${id} ${reason}`)

test('pipelines that use servers of their tenant, of all tenants, of the gateway, and one another are in use', () => {
  const snapshot = resolved(
    calls('a', ['files_read', 'everywhere_read', 'gateway_enhance_prompt', 'pipeline_b']),
    calls('b', ['pipeline_c']),
    calls('c', ['theirs_x', 'files_x'], '*'),
  )
  expect([...snapshot.pipelines.keys()]).toEqual(['acme.a', 'acme.b', '*.c'])
  expect(snapshot.quarantined).toEqual([])
})

describe('a pipeline is quarantined, with the place, that names', () => {
  test('a server that its tenant has not', () => {
    expect(reasons(calls('a', ['files_x', 'theirs_x', 'nope_x', 'bare']))).toEqual([
      'pipelines/acme.a steps[1].tool: unknown server theirs; steps[2].tool: unknown server nope; steps[3].tool: expected <server>_<tool>',
    ])
  })

  test('itself, over however many others', () => {
    expect(
      reasons(calls('a', ['pipeline_b']), calls('b', ['files_x', 'pipeline_c']), calls('c', ['pipeline_a'])),
    ).toEqual([
      'pipelines/acme.a steps[0].tool: the pipeline would call itself: a → b → c → a',
      'pipelines/acme.b steps[1].tool: the pipeline would call itself: b → c → a → b',
      'pipelines/acme.c steps[0].tool: the pipeline would call itself: c → a → b → c',
    ])
  })

  test('one that is quarantined', () => {
    expect(reasons(calls('a', ['pipeline_b']), calls('b', ['nope_x']))).toEqual([
      'pipelines/acme.b steps[0].tool: unknown server nope',
      'pipelines/acme.a steps[0].tool: unknown pipeline b',
    ])
  })

  test('a pipeline of one tenant, being for all', () => {
    expect(reasons(calls('a', ['pipeline_b'], '*'), calls('b', ['files_x']))).toEqual([
      'pipelines/*.a steps[0].tool: unknown pipeline b',
    ])
  })
})

describe('however many pipelines use one another', () => {
  const ladder = (last: string): PipelineDefinition[] =>
    Array.from({ length: 300 }, (_, index) => {
      const next = [1, 2, 3, 4, 5].map((step) => index + step).filter((at) => at < 300)
      return calls(`p${index}`, [...next.map((at) => `pipeline_p${at}`), ...(index === 299 ? [last] : [])])
    })

  test.each([
    ['files_read', 0],
    ['nope_read', 300],
  ])(
    'with %s at the end of all, %i are refused, and the steps of each are read at most five times',
    (last, refused) => {
      let reads = 0
      const counted = ladder(last).map((each) => {
        const { steps, ...rest } = each
        return {
          ...rest,
          get steps() {
            reads += 1
            return steps
          },
        }
      })
      expect(reasons(...counted)).toHaveLength(refused)
      expect(reads).toBeLessThanOrEqual(5 * 300)
    },
  )

  test('all that call themselves are refused, and of the first hundred it is said how', () => {
    const ring = Array.from({ length: 500 }, (_, index) =>
      calls(`p${index}`, [`pipeline_p${(index + 1) % 500}`]),
    )
    const refused = reasons(...ring)
    expect(refused).toHaveLength(500)
    expect(refused[0]).toMatch(
      /^pipelines\/acme\.p0 steps\[0\]\.tool: the pipeline would call itself: p0 → p1 → p2 → /,
    )
    expect(refused[499]).toBe('pipelines/acme.p499 steps[0].tool: the pipeline would call itself')
  })

  test('a chain of twenty thousand is in use', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) =>
      calls(`p${index}`, [index === 19_999 ? 'files_read' : `pipeline_p${index + 1}`]),
    )
    expect(resolved(...chain).pipelines.size).toBe(20_000)
  })
})

test('one that leads to a loop without being on it is refused because of what it uses', () => {
  expect(
    reasons(
      calls('a', ['pipeline_b']),
      calls('b', ['pipeline_c']),
      calls('c', ['pipeline_b']),
      calls('d', ['pipeline_d']),
    ),
  ).toEqual([
    'pipelines/acme.b steps[0].tool: the pipeline would call itself: b → c → b',
    'pipelines/acme.c steps[0].tool: the pipeline would call itself: c → b → c',
    'pipelines/acme.d steps[0].tool: the pipeline would call itself: d → d',
    'pipelines/acme.a steps[0].tool: unknown pipeline b',
  ])
})
