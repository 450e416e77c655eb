import { type Clock, sleep } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'

/** A page of a list. */
export interface ResourcePage {
  readonly items: readonly unknown[]
  readonly resourceVersion: string | undefined
  /** Names the next page; empty or undefined on the last one. */
  readonly continuation: string | undefined
}

/** One kind of resource in one namespace, or in all of them, as the API server has it. */
export interface ResourceApi {
  /** For the log, as in `services in team-a`. */
  readonly name: string
  list(continuation: string | undefined, signal: AbortSignal): Promise<ResourcePage>
  /**
   * Follows changes after a version. Resolves when it has begun, or failed; `onEnd` is called once, with an error
   * unless the server has ended it.
   */
  watch(
    resourceVersion: string,
    onEvent: (type: string, object: unknown) => void,
    onEnd: (error: unknown) => void,
  ): Promise<{ abort(): void }>
}

/** An answer of the API server that is an error. */
export class ApiStatusError extends Error {
  override readonly name = 'ApiStatusError'
  readonly status: number

  constructor(status: number) {
    super(`HTTP ${status}`)
    this.status = status
  }
}

const LIST_TIMEOUT_MS = 30_000
const FIRST_DELAY_MS = 1000
const LARGEST_DELAY_MS = 30_000
/** A watch that lasted this long does not count as a failure, independent of why it ended. */
const LASTED_MS = 10_000
const GONE = 410

type Identified = { readonly namespace: string; readonly name: string }

/**
 * The resources of one kind: listed once, then watched, across broken connections (from the last version seen) and
 * expired versions (listed again). While the API server does not answer, the last known state stays; a new list
 * replaces it only as a whole.
 */
export class ResourceWatch<T extends Identified> {
  readonly #api: ResourceApi
  readonly #read: (object: unknown) => T | undefined
  readonly #onChange: () => void
  readonly #clock: Clock
  readonly #random: () => number
  readonly #logger: Logger
  #objects: Map<string, T> | undefined
  /** Undefined: to be listed. */
  #version: string | undefined
  /** Attempts in a row that brought nothing. */
  #failures = 0
  #isStale = false
  #closed = false
  readonly #closing = new AbortController()
  #abort: () => void = () => {}

  constructor(options: {
    api: ResourceApi
    /** Undefined for what is no object of this kind. */
    read: (object: unknown) => T | undefined
    onChange: () => void
    clock: Clock
    random: () => number
    logger: Logger
  }) {
    this.#api = options.api
    this.#read = options.read
    this.#onChange = options.onChange
    this.#clock = options.clock
    this.#random = options.random
    this.#logger = options.logger
  }

  /** All objects; undefined until they were listed. */
  get objects(): readonly T[] | undefined {
    return this.#objects === undefined ? undefined : [...this.#objects.values()]
  }

  /** Whether changes may have been missed, for more than a moment. */
  get isStale(): boolean {
    return this.#isStale
  }

  /** To be called once. Never throws. */
  start(): void {
    void this.#run()
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true
    this.#abort()
    this.#closing.abort()
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const began = this.#clock.monotonic()
      const error = await this.#turn().then(
        () => undefined,
        (reason: unknown) => reason ?? new Error('no reason'),
      )
      if (this.#closed) return
      if (this.#clock.monotonic() - began >= LASTED_MS) this.#failures = 0
      this.#failures += 1
      if (error !== undefined) this.#failed(error)
      await sleep(this.#clock, this.#delayMs(), this.#closing.signal)
    }
  }

  /** Lists if that is to be done, and follows until the watch ends. */
  async #turn(): Promise<void> {
    const version = this.#version ?? (await this.#list())
    if (!this.#closed) await this.#follow(version)
  }

  async #list(): Promise<string> {
    const controller = new AbortController()
    this.#abort = () => controller.abort()
    const cancel = this.#clock.after(LIST_TIMEOUT_MS, () => controller.abort())
    try {
      const objects = new Map<string, T>()
      let version: string | undefined
      let continuation: string | undefined
      do {
        const page = await this.#api.list(continuation, controller.signal)
        for (const item of page.items) this.#put(objects, item)
        version = page.resourceVersion
        continuation = page.continuation === '' ? undefined : page.continuation
      } while (continuation !== undefined)
      if (version === undefined) throw new Error('a list without a version')
      this.#version = version
      this.#objects = objects
      this.#tell()
      return version
    } finally {
      cancel()
    }
  }

  async #follow(version: string): Promise<void> {
    const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
    // It may fail before anybody waits for it.
    ended.catch(() => undefined)
    let isOver = false
    const onEvent = (type: string, object: unknown): void => {
      if (isOver || this.#closed) return
      if (type === 'ERROR') reject(new ApiStatusError(numberIn(object, 'code') ?? 500))
      else this.#take(type, object)
    }
    const onEnd = (error: unknown): void => {
      isOver = true
      if (error === null || error === undefined) resolve()
      else reject(error)
    }
    const watching = await this.#api.watch(version, onEvent, onEnd)
    this.#abort = resolve
    if (this.#closed) resolve()
    else if (!isOver) this.#answers()
    try {
      await ended
    } finally {
      isOver = true
      watching.abort()
    }
  }

  #take(type: string, object: unknown): void {
    this.#failures = 0
    const metadata = memberOf(object, 'metadata')
    const version = memberOf(metadata, 'resourceVersion')
    if (typeof version === 'string' && version !== '') this.#version = version
    if (type === 'BOOKMARK' || this.#objects === undefined) return
    if (type === 'DELETED') {
      this.#objects.delete(`${String(memberOf(metadata, 'namespace'))}/${String(memberOf(metadata, 'name'))}`)
    } else if (type === 'ADDED' || type === 'MODIFIED') this.#put(this.#objects, object)
    this.#tell()
  }

  #put(objects: Map<string, T>, object: unknown): void {
    const read = this.#read(object)
    if (read !== undefined) objects.set(`${read.namespace}/${read.name}`, read)
    else this.#logger.warn({ resource: this.#api.name }, 'an object of the Kubernetes API is not valid')
  }

  #tell(): void {
    if (!this.#closed) this.#onChange()
  }

  #answers(): void {
    if (this.#isStale) this.#logger.info({ resource: this.#api.name }, 'the Kubernetes API responds again')
    this.#isStale = false
  }

  #failed(error: unknown): void {
    const isStatus = error instanceof ApiStatusError
    // After a refusal it is unknown what was missed; after a broken connection the watch continues from the last
    // version.
    if (isStatus) this.#version = undefined
    if (this.#failures < 2 || this.#isStale || (isStatus && error.status === GONE)) return
    this.#isStale = true
    this.#logger.warn(
      { resource: this.#api.name, reason: loggableReason(error) },
      'the Kubernetes API does not respond; the servers discovered last stay in use',
    )
  }

  /** None after the first failure: most are connections that broke. Then exponential with jitter, 0.5 s to 30 s. */
  #delayMs(): number {
    if (this.#failures < 2) return 0
    const ceiling = Math.min(LARGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (this.#failures - 2))
    return Math.round(ceiling * (0.5 + this.#random() / 2))
  }
}

/** A reason without secrets. Messages of the client library are not used: they may contain whole answers and headers. */
export function loggableReason(error: unknown): string {
  if (error instanceof ApiStatusError) return error.message
  for (const source of [error, memberOf(error, 'cause')]) {
    const code = memberOf(source, 'code')
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(code)) return code
  }
  const name = memberOf(error, 'name')
  return typeof name === 'string' ? name.slice(0, 64) : 'unknown'
}

/** A number under a field of any value, be it of another realm. */
export function numberIn(value: unknown, field: string): number | undefined {
  const member = memberOf(value, field)
  return typeof member === 'number' ? member : undefined
}

function memberOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined
}
