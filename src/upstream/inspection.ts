import type { Clock } from '../domain/clock.ts'
import { TenantPlaces } from '../domain/concurrency/tenant-places.ts'
import { GatewayError, messageOf } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { ServerDefinition } from '../domain/documents/server-definition.ts'
import type { Connect, Connection } from './connection/connection.ts'
import { meantId } from './messages/message-id.ts'
import { type LogLine, ProcessLog } from './stdio/process-log.ts'
import { discover } from './discovery/discovery.ts'
import { startTimeoutMs } from './instance/start-timeout.ts'

/** More entries than an opening has; the limits below are for one message and for all messages, in characters. */
const MAX_ENTRIES = 500
const MAX_MESSAGE_LENGTH = 16 * 1024
const MAX_LENGTH = 1024 * 1024
/** Limits of what a server may choose itself, in characters: the name of a method, and an id by which an answer is known. */
const MAX_METHOD_LENGTH = 256
const MAX_ID_LENGTH = 256
/** Limits of concurrent inspections, each of which may start a process: those of a tenant, and all. */
const AT_ONCE = { ofTenant: 4, ofAll: 16 }
const RETRY_AFTER_MS = 2000
const TOO_MANY = 'Too many servers are being inspected already; four at a time for a tenant'

/** The step that an inspection has reached. */
type InspectionStep = 'start' | 'handshake' | 'discovery' | 'done'

/** An event of an inspection. */
interface InspectionEntry {
  /** Milliseconds since the inspection began. */
  readonly atMs: number
  readonly what: 'sent' | 'received' | 'note'
  /** Method and id of a message, or the text of a note. */
  readonly text: string
  /** Milliseconds between the request and this response. */
  readonly tookMs?: number
  readonly message?: JsonObject
}

/** The result of opening a separate connection to a server and listing its offer. It contains no secret. */
export interface Inspection {
  readonly isOk: boolean
  /** The step at which it ended; `done` if nothing failed. */
  readonly step: InspectionStep
  readonly error?: string
  readonly durationMs: number
  readonly era?: string
  readonly protocolVersion?: string
  readonly serverInfo?: JsonObject
  readonly capabilities?: JsonObject
  /** Number of items that the server offers, by kind. */
  readonly offers?: Readonly<Record<'tools' | 'resources' | 'resourceTemplates' | 'prompts', number>>
  /** The parts of the offer that the gateway does not use, with the reasons. */
  readonly problems?: readonly string[]
  readonly transcript: readonly InspectionEntry[]
  /** What the server's process wrote to standard error, and how the process ended. */
  readonly output: readonly Pick<LogLine, 'pid' | 'by' | 'text'>[]
}

interface InspectorOptions {
  /** Opens connections without any memory of earlier ones. */
  readonly connect: Connect
  readonly clock: Clock
  readonly connectTimeoutMs: number
}

/** Inspects servers, at the same time at most four for the operators of one tenant and sixteen altogether. */
export class Inspector {
  readonly #options: InspectorOptions
  readonly #places = new TenantPlaces(AT_ONCE)
  readonly #underWay = new Set<Promise<Inspection>>()
  readonly #end = new AbortController()

  constructor(options: InspectorOptions) {
    this.#options = options
  }

  /**
   * Opens a separate connection to a server, lists everything that it offers, and closes the connection. A stdio server
   * gets a second process. Failures are part of the result.
   * @param options.tenantId of whoever asks
   * @throws GatewayError `too_many_requests`, or `shutting_down`
   */
  async inspect(
    server: ServerDefinition,
    { tenantId, signal }: { tenantId: string; signal: AbortSignal },
  ): Promise<Inspection> {
    if (this.#end.signal.aborted) throw new GatewayError('shutting_down')
    const leave = this.#places.take(tenantId)
    if (leave === undefined)
      throw new GatewayError('too_many_requests', TOO_MANY, { facts: { retryAfterMs: RETRY_AFTER_MS } })
    const either = AbortSignal.any([signal, this.#end.signal])
    const inspection = inspect(server, { ...this.#options, signal: either })
    this.#underWay.add(inspection)
    return inspection.finally(() => {
      leave()
      this.#underWay.delete(inspection)
    })
  }

  /** Aborts all inspections. Resolves when their processes have ended. Idempotent. */
  async close(): Promise<void> {
    this.#end.abort(new Error('the gateway is stopping'))
    await Promise.all(this.#underWay)
  }
}

/** Never rejects. */
async function inspect(
  server: ServerDefinition,
  options: InspectorOptions & { signal: AbortSignal },
): Promise<Inspection> {
  const { connect, clock, connectTimeoutMs, signal } = options
  const timeoutMs = startTimeoutMs(server, connectTimeoutMs)
  const transcript = new Transcript({ clock })
  const log = new ProcessLog({ clock })
  let step: InspectionStep = 'start'
  let connection: Connection | undefined
  const seen = (): Pick<Inspection, 'durationMs' | 'transcript' | 'output'> => ({
    durationMs: transcript.elapsedMs(),
    transcript: transcript.entries,
    output: log.last(200).map(({ pid, by, text }) => ({ pid, by, text })),
  })
  try {
    connection = await connect(
      server,
      {
        onLost: (reason) => transcript.note(`the connection was lost: ${reason}`),
        onListChanged: () => undefined,
      },
      {
        timeoutMs,
        signal,
        tap: {
          onTarget: (target) => {
            step = 'start'
            transcript.note(target)
          },
          onMessage: (direction, message) => {
            if (step === 'start') step = 'handshake'
            transcript.message(direction, message)
          },
          log,
        },
      },
    )
    step = 'discovery'
    const offer = await discover(connection, { timeoutMs, signal })
    const { era, protocolVersion, serverInfo, capabilities } = connection
    return {
      isOk: true,
      step: 'done',
      era,
      protocolVersion,
      ...(serverInfo !== undefined && { serverInfo }),
      capabilities,
      offers: {
        tools: offer.tools.length,
        resources: offer.resources.length,
        resourceTemplates: offer.resourceTemplates.length,
        prompts: offer.prompts.length,
      },
      problems: offer.problems,
      ...seen(),
    }
  } catch (error) {
    return { isOk: false, step, error: messageOf(error), ...seen() }
  } finally {
    await connection?.close()
  }
}

class Transcript {
  readonly entries: InspectionEntry[] = []
  readonly #clock: Clock
  readonly #startedAt: number
  /** When each request was sent, by direction and id. */
  readonly #asked = new Map<string, { method: string; atMs: number }>()
  #length = 0

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
    this.#startedAt = options.clock.monotonic()
  }

  elapsedMs(): number {
    return Math.round((this.#clock.monotonic() - this.#startedAt) * 10) / 10
  }

  note(text: string): void {
    this.#add({ atMs: this.elapsedMs(), what: 'note', text })
  }

  message(direction: 'sent' | 'received', message: JsonObject): void {
    const atMs = this.elapsedMs()
    const { id, method: given } = message
    const key = keyOf(direction, id)
    if (typeof given === 'string') {
      const method = cut(given, MAX_METHOD_LENGTH)
      if (key !== undefined && this.#asked.size < MAX_ENTRIES) this.#asked.set(key, { method, atMs })
      return this.#add({ atMs, what: direction, text: method, message: this.#shown(message) })
    }
    const answered = keyOf(direction === 'sent' ? 'received' : 'sent', id) ?? ''
    const asked = this.#asked.get(answered)
    this.#asked.delete(answered)
    const outcome = 'error' in message ? 'error' : 'result'
    this.#add({
      atMs,
      what: direction,
      text: asked === undefined ? outcome : `${outcome} of ${asked.method}`,
      ...(asked !== undefined && { tookMs: Math.round((atMs - asked.atMs) * 10) / 10 }),
      message: this.#shown(message),
    })
  }

  #add(entry: InspectionEntry): void {
    if (this.entries.length < MAX_ENTRIES) this.entries.push(entry)
  }

  /** The message, truncated if it is long. */
  #shown(message: JsonObject): JsonObject {
    const text = JSON.stringify(message)
    const room = Math.min(MAX_MESSAGE_LENGTH, MAX_LENGTH - this.#length)
    this.#length += Math.min(text.length, room)
    return text.length <= room ? message : { 'cut after': room, of: text.length, text: cut(text, room) }
  }
}

/** Undefined for a notification, and for an id that is too long to keep. */
function keyOf(direction: 'sent' | 'received', id: unknown): string | undefined {
  const meant = meantId(id)
  if (meant === undefined || String(meant).length > MAX_ID_LENGTH) return undefined
  return JSON.stringify([direction, meant])
}

function cut(text: string, length: number): string {
  // A copy: V8 keeps the whole text for a slice of it.
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString('utf8')
}
