import { type Clock, repeat } from '../domain/clock.ts'
import { isErrorCode } from '../domain/errors/error-table.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { isJsonObject, jsonIn, type JsonObject } from '../domain/json/json.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import { Sealing } from '../domain/seal/sealing.ts'
import { LimitedLog } from '../telemetry/limited-log.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Outbox } from './outbox.ts'
import type { ReplicaMail } from './replica-mail.ts'

/** How the answer to a request at another replica arrives. */
export interface AnswerReader {
  readonly onHead: (status: number, headers: Readonly<Record<string, string>>) => void
  readonly onText: (text: string) => void
}

/** How a replica answers a request of another one. */
export interface AnswerWriter {
  head(status: number, headers: Readonly<Record<string, string>>): void
  text(text: string): void
  end(): void
  /** Answers with an error instead of a head. */
  fail(error: GatewayError): void
}

/** Serves a request of another replica; `signal` aborts when the answer is no longer awaited. */
export type ServeRequest = (request: JsonObject, answer: AnswerWriter, signal: AbortSignal) => void

/** Until a replica has begun to answer, or has at least announced itself again. */
const HEAD_WITHIN_MS = 5000
/** Until one that announces itself has begun to answer: it is busy, or the store is slow. */
const BUSY_MS = 20_000
/** Until one that has begun to answer has at least announced itself again: twice as long as that takes. */
const QUIET_MS = 10_000
/** Longer than two comments of a stream that is idle. */
const SILENT_MS = 40_000
const CHECK_MS = 1000
/** What has been under way for longer is of no use to anybody. */
const FRESH_MS = 15_000
const TOO_OLD = 'The request was under way for too long, by the clock of the replica that holds this'
const MAX_ASKED = 2000
const MAX_SERVED = 2000
/** The announcement of a replica while the store does not answer. */
const UNKNOWN = Symbol('unknown')
/** To more replicas than these nothing is broadcast: they learn it from the notes on a session. */
const MAX_TOLD = 32

interface Asked {
  readonly to: string
  readonly reader: AnswerReader
  readonly settle: { readonly resolve: () => void; readonly reject: (error: GatewayError) => void }
  readonly askedAt: number
  /** The announcement of the replica behind which it is waited for. */
  announced: unknown
  hasHead: boolean
  heardAt: number
}

/** Requests to other replicas and their answers, and short news for all of them; sealed, bounded and expiring. */
export class ReplicaRelay {
  readonly #mail: ReplicaMail
  readonly #sealing: Sealing
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #oldRequests: LimitedLog
  readonly #outboxes = new Map<string, Outbox>()
  readonly #asked = new Map<number, Asked>()
  readonly #served = new Map<string, AbortController>()
  readonly #cancelChecks: () => void
  readonly #serves = new Map<string, ServeRequest>()
  #onNews: (news: JsonObject) => void = () => undefined
  #last = 0

  constructor(options: { mail: ReplicaMail; keys: KeyRing; clock: Clock; logger: Logger }) {
    this.#mail = options.mail
    this.#sealing = new Sealing(options.keys, 'replica relay')
    this.#clock = options.clock
    this.#logger = options.logger
    this.#oldRequests = new LimitedLog(options)
    this.#cancelChecks = repeat(options.clock, CHECK_MS, () => this.#check())
  }

  get self(): string {
    return this.#mail.self
  }

  /** Says who serves the requests that name a part of the gateway (`transport`), before `start`. */
  serve(part: string, serve: ServeRequest): void {
    this.#serves.set(part, serve)
  }

  /** Takes what other replicas send from now on. */
  start(onNews: (news: JsonObject) => void): void {
    this.#onNews = onNews
    this.#mail.start((from, text) => this.#receive(from, text))
  }

  /** Whether a replica can be asked; false where the store does not answer. */
  async isPresent(replica: string): Promise<boolean> {
    if (replica === this.self) return true
    return this.#mail.isPresent(replica).catch(() => false)
  }

  /**
   * Sends a request to a replica, and reads the answer; resolves when it has ended.
   * @throws GatewayError `replica_unavailable` if that replica has ended, does not answer, or stops answering
   */
  async ask(to: string, request: JsonObject, reader: AnswerReader, signal: AbortSignal): Promise<void> {
    if (!(await this.isPresent(to))) throw new GatewayError('replica_unavailable')
    if (this.#asked.size >= MAX_ASKED) throw new GatewayError('replica_unavailable', 'Too much is relayed')
    const number = (this.#last += 1)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const now = this.#clock.monotonic()
    const asked: Asked = {
      to,
      reader,
      settle: { resolve, reject },
      askedAt: now,
      announced: this.#mail.announcementOf(to),
      hasHead: false,
      heardAt: now,
    }
    this.#asked.set(number, asked)
    const stop = (): void => {
      this.#post(to, { kind: 'stop', number })
      resolve()
    }
    signal.addEventListener('abort', stop, { once: true })
    try {
      this.#post(to, { kind: 'request', number, request })
      await promise
    } finally {
      signal.removeEventListener('abort', stop)
      this.#asked.delete(number)
    }
  }

  /** Tells something to one replica, or to all others while they are few. There is no answer, and it may be lost. */
  async tell(news: JsonObject, to?: string): Promise<void> {
    const others = to === undefined ? await this.#mail.others().catch(() => []) : [to]
    if (others.length > MAX_TOLD) return
    for (const other of others) this.#post(other, { kind: 'news', news })
  }

  /** Ends what is under way, and takes this replica's announcement back. Idempotent. */
  async close(): Promise<void> {
    this.#cancelChecks()
    for (const { settle } of this.#asked.values()) settle.reject(new GatewayError('shutting_down'))
    for (const serving of this.#served.values()) serving.abort()
    await this.#mail.close()
  }

  #post(to: string, parcel: JsonObject): void {
    const outbox = this.#outboxes.get(to) ?? this.#newOutbox(to)
    try {
      outbox.add(parcel)
    } catch (err) {
      this.#logger.warn({ err, replica: to }, 'a message to another replica is dropped')
    }
  }

  #newOutbox(to: string): Outbox {
    const outbox = new Outbox({
      send: (parcels) => {
        const text = `{"at":${this.#clock.now()},"parcels":[${parcels.join(',')}]}`
        return this.#mail.send(to, this.#sealing.seal(text, wayOf(this.self, to)))
      },
      onFailure: (err) => {
        this.#logger.warn({ err, replica: to }, 'messages to another replica cannot be stored')
        this.#fail(({ to: asked }) => asked === to)
      },
    })
    this.#outboxes.set(to, outbox)
    return outbox
  }

  #receive(from: string, text: string): void {
    const content = jsonIn(this.#sealing.open(text, wayOf(from, this.self)) ?? '')
    if (!isJsonObject(content)) return
    this.#mail.heardOf(from)
    const { at, parcels } = content
    if (typeof at !== 'number' || !Array.isArray(parcels)) return
    const ageMs = this.#clock.now() - at
    for (const parcel of parcels as readonly unknown[]) {
      if (isJsonObject(parcel)) this.#take(from, parcel, ageMs)
    }
  }

  #take(from: string, parcel: JsonObject, ageMs: number): void {
    const { kind, number } = parcel
    if (kind === 'news' && isJsonObject(parcel['news'])) this.#onNews(parcel['news'])
    if (typeof number !== 'number') return
    if (kind === 'request' && ageMs > FRESH_MS) this.#refuseOld(from, number, ageMs)
    else if (kind === 'request' && isJsonObject(parcel['request']))
      this.#answer(from, number, parcel['request'])
    else if (kind === 'stop') this.#served.get(`${from} ${number}`)?.abort()
    else this.#hear(from, number, parcel)
  }

  /** By clocks that differ every request is old: whoever still waits is told at once. */
  #refuseOld(from: string, number: number, ageMs: number): void {
    this.#oldRequests.warn(
      () => ({ replica: from, ageMs }),
      'an old request: clocks differ, or the store is slow',
    )
    this.#post(from, { kind: 'error', number, code: 'replica_unavailable', message: TOO_OLD, facts: {} })
  }

  #hear(from: string, number: number, parcel: JsonObject): void {
    const { kind, status, headers, text } = parcel
    const asked = this.#asked.get(number)
    if (asked === undefined || asked.to !== from) return
    asked.heardAt = this.#clock.monotonic()
    if (kind === 'head' && typeof status === 'number' && isJsonObject(headers)) {
      asked.hasHead = true
      asked.reader.onHead(status, textsIn(headers))
    } else if (kind === 'text' && typeof text === 'string') asked.reader.onText(text)
    else if (kind === 'end') asked.settle.resolve()
    else if (kind === 'error') asked.settle.reject(errorIn(parcel))
  }

  #answer(from: string, number: number, request: JsonObject): void {
    const key = `${from} ${number}`
    const serve = this.#serves.get(String(request['transport']))
    if (serve === undefined || this.#served.size >= MAX_SERVED || this.#served.has(key)) return
    const serving = new AbortController()
    this.#served.set(key, serving)
    const writer: AnswerWriter = {
      head: (status, headers) => this.#post(from, { kind: 'head', number, status, headers }),
      text: (text) => this.#post(from, { kind: 'text', number, text }),
      end: () => {
        if (this.#served.delete(key)) this.#post(from, { kind: 'end', number })
      },
      fail: ({ code, message, facts }) => {
        if (this.#served.delete(key)) this.#post(from, { kind: 'error', number, code, message, facts })
      },
    }
    serve(request, writer, serving.signal)
  }

  /** A replica that was killed has taken nothing back: its silence is how that shows. */
  #check(): void {
    const now = this.#clock.monotonic()
    this.#fail(({ hasHead, heardAt, askedAt }) =>
      hasHead ? now - heardAt > SILENT_MS : now - askedAt > BUSY_MS,
    )
    const silent = [...this.#asked.values()].filter(
      ({ hasHead, heardAt }) => now - heardAt > (hasHead ? QUIET_MS : HEAD_WITHIN_MS),
    )
    for (const to of new Set(silent.map((asked) => asked.to))) {
      const heardAts = new Map(
        silent.filter((asked) => asked.to === to).map((asked) => [asked, asked.heardAt]),
      )
      void this.#judge(to, heardAts)
    }
  }

  /** Waits on where a silent replica has announced itself meanwhile. */
  async #judge(to: string, silent: ReadonlyMap<Asked, number>): Promise<void> {
    const announced = await this.#mail.readAnnouncement(to).catch(() => UNKNOWN)
    const lost = new Set<Asked>()
    for (const [asked, heardAt] of silent) {
      // What it says passes through the same store: while that is away, an answer that has begun can only be waited for.
      if (asked.heardAt !== heardAt || (announced === UNKNOWN && asked.hasHead)) continue
      const isAlive = announced !== UNKNOWN && announced !== undefined && announced !== asked.announced
      if (isAlive) Object.assign(asked, { announced, heardAt: this.#clock.monotonic() })
      else lost.add(asked)
    }
    if (lost.size > 0) this.#mail.suspect(to)
    this.#fail((asked) => lost.has(asked))
  }

  /** Gives up requests, which their replica must not begin when it wakes up. */
  #fail(isLost: (asked: Asked) => boolean): void {
    for (const [number, asked] of this.#asked) {
      if (!isLost(asked)) continue
      asked.settle.reject(
        new GatewayError('replica_unavailable', undefined, { facts: { mayHaveExecuted: true } }),
      )
      this.#asked.delete(number)
      this.#post(asked.to, { kind: 'stop', number })
    }
  }
}

function errorIn({ code, message, facts }: JsonObject): GatewayError {
  const known = isErrorCode(code) ? code : 'internal'
  return new GatewayError(known, String(message), { facts: isJsonObject(facts) ? facts : {} })
}

function textsIn(headers: JsonObject): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}

function wayOf(from: string, to: string): string {
  return `${from} ${to}`
}
