import { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createLogger } from '../../src/telemetry/logger.ts'
import {
  activeTraceFields,
  activeTraceIds,
  describeSpan,
  isRecording,
  withRemoteParent,
  withSpan,
} from '../../src/telemetry/tracing.ts'
import { recordSpans } from '../support/recorded-spans.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const OTHER = '11111111111111111111111111111111'
const SPAN = 'b7ad6b7169203331'
const parentOf = (trace: string): { traceparent: string } => ({ traceparent: `00-${trace}-${SPAN}-01` })
const server = { kind: 'server' } as const
const internal = { kind: 'internal' } as const

describe('without a tracer', () => {
  test('work runs as it is, with no span and no ids', async () => {
    const seen = await withSpan('x', server, () =>
      Promise.resolve([isRecording(), activeTraceIds(), activeTraceFields()]),
    )
    describeSpan({ a: 1 }, 'y')
    expect(seen).toEqual([false, undefined, undefined])
    expect(withRemoteParent(parentOf(TRACE), () => 'done')).toBe('done')
  })

  test('it is the very promise of the work', () => {
    const work = Promise.resolve(1)
    expect(withSpan('x', server, () => work)).toBe(work)
  })
})

describe('with a tracer', () => {
  let recording: ReturnType<typeof recordSpans>
  beforeEach(() => {
    recording = recordSpans()
  })
  afterEach(() => recording.stop())

  test('spans nest as the work does, across awaits', async () => {
    await withSpan('outer', server, async () => {
      await setImmediate()
      await withSpan('inner', internal, () => setImmediate())
    })
    const [inner, outer] = recording.spans
    expect([inner?.name, outer?.name]).toEqual(['inner', 'outer'])
    expect(inner?.parent).toBe(outer?.spanId)
    expect(inner?.traceId).toBe(outer?.traceId)
    expect(outer?.parent).toBeUndefined()
  })

  test('a server span belongs to the parent in the message, and links to that of the HTTP request', async () => {
    await withRemoteParent({ traceparent: `00-${OTHER}-00f067aa0ba902b7-01` }, () =>
      withSpan('x', { ...server, parent: parentOf(TRACE) }, () => Promise.resolve()),
    )
    expect(recording.spans[0]).toMatchObject({ traceId: TRACE, parent: SPAN })
    expect(recording.spans[0]?.links.map((link) => link.context.traceId)).toEqual([OTHER])
  })

  test.each([undefined, {}, { traceparent: 'garbage' }])(
    'a server span without a valid parent in the message belongs to that of the HTTP request: %j',
    async (parent) => {
      await withRemoteParent(parentOf(TRACE), () =>
        withSpan('x', { ...server, parent }, () => Promise.resolve()),
      )
      expect(recording.spans[0]).toMatchObject({ traceId: TRACE, parent: SPAN, links: [] })
    },
  )

  test('a server span in a context that a request left behind starts a trace of its own', async () => {
    let later = (): Promise<void> => Promise.resolve()
    await withSpan('gone', server, () => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const second = promise.then(() => withSpan('second', server, () => Promise.resolve()))
      later = () => {
        resolve()
        return second
      }
      return Promise.resolve()
    })
    await later()
    const [gone, second] = recording.spans
    expect(second?.parent).toBeUndefined()
    expect(second?.traceId).not.toBe(gone?.traceId)
  })

  test('a failure has the attributes that the work gives it, and no message and no stack', async () => {
    const failureOf = (): Record<string, string> => ({ 'error.type': '-32602' })
    const fails = withSpan('x', { ...server, failureOf }, () =>
      Promise.reject(new Error('argument: hunter2')),
    )
    await expect(fails).rejects.toThrow('hunter2')
    expect(recording.spans[0]).toMatchObject({
      attributes: { 'error.type': '-32602' },
      isError: true,
      events: 0,
    })
    expect(JSON.stringify(recording.spans)).not.toContain('hunter2')
  })

  test('a result can be a failure too, and a rejection none', async () => {
    const failureOf = (outcome: object): Record<string, string> | undefined =>
      'result' in outcome ? { 'error.type': 'tool_error' } : undefined
    await withSpan('tool', { ...server, failureOf }, () => Promise.resolve(1))
    await withSpan('denied', { ...internal, failureOf }, () => Promise.reject(new Error('x'))).catch(() => 0)
    expect(recording.spans.map(({ name, isError }) => [name, isError])).toEqual([
      ['tool', true],
      ['denied', false],
    ])
  })

  test('what is found out on the way is added to the active span, and its name changes', async () => {
    await withSpan('tools/call', server, () => {
      describeSpan({ 'gen_ai.tool.name': 'echo' }, 'tools/call echo')
      return Promise.resolve()
    })
    expect(recording.spans[0]).toMatchObject({
      name: 'tools/call echo',
      attributes: { 'gen_ai.tool.name': 'echo' },
    })
  })

  test('the fields for upstream name the active span, and keep the caller’s tracestate', async () => {
    const parent = { ...parentOf(TRACE), tracestate: 'a=1' }
    const fields = await withSpan('x', { ...server, parent }, () => Promise.resolve(activeTraceFields()))
    expect(fields).toEqual({
      traceparent: `00-${TRACE}-${recording.spans[0]?.spanId}-01`,
      tracestate: 'a=1',
    })
  })

  test('a remote parent alone is no span of ours', () => {
    withRemoteParent(parentOf(TRACE), () => {
      expect([isRecording(), activeTraceIds(), activeTraceFields()]).toEqual([false, undefined, undefined])
    })
  })

  test('log lines have the ids of the active span, and none once it has ended', async () => {
    const lines: Record<string, unknown>[] = []
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done): void {
        lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>)
        done()
      },
    })
    const logger = createLogger({ level: 'info', format: 'json', destination })
    let after = Promise.resolve()
    await withSpan('x', { ...server, parent: parentOf(TRACE) }, async () => {
      logger.info({ server: 'files' }, 'within')
      after = setImmediate().then(() => logger.info('after'))
      await Promise.resolve()
    })
    await after
    const spanId = recording.spans[0]?.spanId
    expect(lines.map(({ msg, trace_id, span_id }) => ({ msg, trace_id, span_id }))).toEqual([
      { msg: 'within', trace_id: TRACE, span_id: spanId },
      { msg: 'after', trace_id: undefined, span_id: undefined },
    ])
  })
})

test('a request that is not sampled records nothing, and tells upstream so', async () => {
  const recording = recordSpans(0)
  try {
    const seen = await withSpan('x', { ...server, parent: parentOf(TRACE) }, () =>
      Promise.resolve([isRecording(), activeTraceIds(), activeTraceFields()?.traceparent]),
    )
    expect(seen).toEqual([
      false,
      undefined,
      expect.stringMatching(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`)),
    ])
    expect(recording.spans).toEqual([])
  } finally {
    await recording.stop()
  }
})
