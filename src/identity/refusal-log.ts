import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { Clock } from '../domain/clock.ts'
import type { GatewayError } from '../domain/errors/errors.ts'
import type { Logger } from '../telemetry/logger.ts'

/** Where a token came from that was refused. */
export interface RefusedRequest {
  readonly requestId: string
  readonly address: string | undefined
}

interface Window {
  readonly endsAt: number
  lines: number
  suppressed: number
}

const WINDOW_MS = 60_000
const LINES_PER_WINDOW = 10
const MAX_REASONS = 100
const MAX_SHOWN = 256

/**
 * Logs each refused token: the reason, and the issuer and key that the token names, which are not verified. Never the
 * token. At most ten lines a minute for one reason; the next line has the number of those left out.
 */
export class RefusalLog {
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #windows = new Map<string, Window>()

  constructor(options: { logger: Logger; clock: Clock }) {
    this.#logger = options.logger
    this.#clock = options.clock
  }

  /** @param token what came as one; undefined when the request had none */
  refused({ code, message }: GatewayError, token: string | undefined, request: RefusedRequest): void {
    const window = this.#windowOf(code === 'invalid_token' ? message.slice(0, MAX_SHOWN) : code)
    window.lines += 1
    if (window.lines > LINES_PER_WINDOW) {
      window.suppressed += 1
      return
    }
    const { suppressed } = window
    window.suppressed = 0
    this.#logger.warn(
      { code, reason: message, ...named(token), ...request, ...(suppressed > 0 && { suppressed }) },
      'a token was refused',
    )
  }

  #windowOf(reason: string): Window {
    const now = this.#clock.monotonic()
    const current = this.#windows.get(reason)
    if (current !== undefined && now < current.endsAt) return current
    if (this.#windows.size >= MAX_REASONS) this.#windows.clear()
    const next = { endsAt: now + WINDOW_MS, lines: 0, suppressed: current?.suppressed ?? 0 }
    this.#windows.set(reason, next)
    return next
  }
}

function named(token: string | undefined): { issuer?: string; kid?: string } {
  if (token === undefined) return {}
  return {
    ...shown(
      'issuer',
      attempt(() => decodeJwt(token).iss),
    ),
    ...shown(
      'kid',
      attempt(() => decodeProtectedHeader(token).kid),
    ),
  }
}

function shown(name: string, value: unknown): Record<string, string> {
  return typeof value === 'string' ? { [name]: value.slice(0, MAX_SHOWN) } : {}
}

function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch {
    return undefined
  }
}
