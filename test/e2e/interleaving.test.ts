import { afterAll, beforeAll, expect, test } from '@jest/globals'
import {
  CHATTY_SERVERS,
  type ChattyGateway,
  type ChattyServerName,
  startChattyGateway,
} from '../support/chatty-gateway.ts'
import { eventually } from '../support/eventually.ts'
import { openConversation, type RawConversation } from '../support/raw-conversation.ts'
import { soak } from '../support/soak.ts'

const TENANTS = ['local', 'other']
const KINDS = ['streamable-http', 'sse', 'websocket', 'modern'] as const
/** A call of eight in a row of each server is cancelled: by each speaker another. */
const CALLS_EACH = soak(64, 32)

let gateway: ChattyGateway

beforeAll(async () => {
  gateway = await startChattyGateway({ tenantId: '*', sharing: 'global', timeoutMs: 60_000 })
})

afterAll(() => gateway.close())

/** One call: its id, token and fate are the same in every conversation that does not cancel it. */
interface Planned {
  readonly id: number
  readonly server: ChattyServerName
  readonly who: string
  readonly asks: boolean
  readonly isCancelled: boolean
  /** Over stdio, nobody can tell which call of a shared connection a log message belongs to. */
  readonly hasLog: boolean
}

interface Speaker {
  readonly name: string
  readonly conversation: RawConversation
  readonly plan: readonly Planned[]
}

async function openSpeaker(tenantId: string, kind: (typeof KINDS)[number], number: number): Promise<Speaker> {
  const name = `${tenantId} over ${kind}`
  const token = await gateway.token({ tenantId, subject: 'ann' })
  const conversation = await openConversation(kind, gateway.url, token, {
    capabilities: { elicitation: {} },
    logLevel: 'debug',
    // It says both whom it was asked for and who it is.
    answer: ({ params }) => ({ action: 'accept', content: { asked: params?.['message'], by: name } }),
  })
  const plan = Array.from({ length: CALLS_EACH }, (_, index): Planned => {
    const server = CHATTY_SERVERS[index % CHATTY_SERVERS.length] ?? 'legacy-http'
    return {
      id: index + 1,
      server,
      who: `${index + 1} of ${name}`,
      // Only a legacy client and a legacy server talk while a call runs.
      asks: kind !== 'modern' && server.startsWith('legacy') && index % 3 === 0,
      isCancelled: Math.floor(index / CHATTY_SERVERS.length) % (TENANTS.length * KINDS.length) === number,
      hasLog: !server.endsWith('stdio') || (kind !== 'modern' && server.startsWith('legacy')),
    }
  })
  return { name, conversation, plan }
}

function begin({ conversation }: Speaker, { id, server, who, asks }: Planned): void {
  const params = { message: who, requestedSchema: { type: 'object', properties: {} } }
  conversation.request(id, 'tools/call', {
    name: `${server}_identify`,
    arguments: { who, ...(asks && { ask: { method: 'elicitation/create', params } }) },
    _meta: { progressToken: `token-${id}` },
  })
}

/** What a call says up to a step. */
function said({ id, who, hasLog }: Planned, steps: number[]): unknown[] {
  return steps.flatMap((step) => [
    { token: `token-${id}`, step, progressOf: who },
    ...(hasLog ? [{ step, logOf: who }] : []),
  ])
}

function answered({ name }: Speaker, { id, who, asks, isCancelled }: Planned): unknown[] {
  if (isCancelled) return []
  const answer = asks ? { who, said: { action: 'accept', content: { asked: who, by: name } } } : who
  return [{ id, answer }]
}

/** All that a conversation was sent, but for what concerns no call. */
function heard({ conversation }: Speaker): unknown[] {
  return conversation.received
    .filter(({ method }) => method?.endsWith('/list_changed') !== true)
    .map((message) => {
      const { id, method, params = {}, result } = message
      const { progress, message: progressOf, data } = params as Record<string, Record<string, unknown>>
      if (method === 'notifications/progress')
        return { token: params['progressToken'], step: progress, progressOf }
      if (method === 'notifications/message') return { step: data?.['progress'], logOf: data?.['who'] }
      const { answer } = (result?.['structuredContent'] ?? {}) as Record<string, unknown>
      return answer === undefined ? message : { id, answer }
    })
}

function sorted(messages: readonly unknown[]): string[] {
  return messages.map((message) => JSON.stringify(message)).toSorted()
}

function hears(speaker: Speaker, messages: readonly unknown[]): Promise<unknown> {
  return eventually(() => heard(speaker).length >= messages.length, {
    what: `${messages.length} messages to ${speaker.name}`,
    timeoutMs: 60_000,
  })
}

test('hundreds of interleaved calls of two tenants with equal ids, progress tokens and cancellations each reach their own caller, and none another', async () => {
  const { reports } = gateway
  const speakers = await Promise.all(
    TENANTS.flatMap((tenant, row) =>
      KINDS.map((kind, column) => openSpeaker(tenant, kind, row * KINDS.length + column)),
    ),
  )
  for (let index = 0; index < CALLS_EACH; index += 1) {
    for (const speaker of speakers)
      for (const call of speaker.plan.slice(index, index + 1)) begin(speaker, call)
    // All are under way at once in the end; all in one moment would be overload on a slow machine, and refused.
    const soFar = (index + 1) * speakers.length
    await eventually(() => reports.begun.length === soFar, { what: `${soFar} calls under way at once` })
  }
  const everything = speakers.flatMap(({ plan }) => plan)
  for (const speaker of speakers) {
    const soFar = speaker.plan.flatMap((call) => said(call, [1]))
    await hears(speaker, soFar)
    expect(sorted(heard(speaker))).toEqual(sorted(soFar))
  }

  for (const { conversation, plan } of speakers) {
    for (const { id, isCancelled } of plan) if (isCancelled) conversation.cancel(id)
  }
  const cancelled = everything.filter(({ isCancelled }) => isCancelled).map(({ who }) => who)
  await reports.waitForCancelled(...cancelled)
  expect(reports.cancelled.toSorted()).toEqual(cancelled.toSorted())

  reports.release()
  for (const speaker of speakers) {
    const { conversation, plan } = speaker
    const all = plan.flatMap((call) => [
      ...said(call, call.isCancelled ? [1] : [1, 2]),
      ...answered(speaker, call),
    ])
    await hears(speaker, all)
    expect(sorted(heard(speaker))).toEqual(sorted(all))
    const questions = plan.filter(({ asks }) => asks).map(({ who }) => who)
    expect(sorted(conversation.asked.map(({ params }) => params?.['message']))).toEqual(sorted(questions))
  }
  expect(new Set(reports.begun).size).toBe(soak(512, 256))
  expect(reports.cancelled).toHaveLength(soak(64, 32))
  await Promise.all(speakers.map(({ conversation }) => conversation.close()))
}, 180_000)
