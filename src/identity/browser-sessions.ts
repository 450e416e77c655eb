import { randomBytes } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { z } from 'zod'
import type { Clock } from '../domain/clock.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import { Sealing } from '../domain/seal/sealing.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Principal } from '../domain/principal.ts'
import type { Logger } from '../telemetry/logger.ts'
import { HostCookie } from './browser/cookies.ts'
import { EndedSessions, type EndStore } from './browser/ended-sessions.ts'
import type { DisabledTenants } from './disabled-tenants.ts'

/** The person who is signed in in a browser. */
export interface BrowserSession {
  readonly principal: Principal
  /** Has to come back in each form that changes something. */
  readonly csrfToken: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

const names = z.array(z.string()).max(256)
const stored = z.object({
  tenantId: z.string(),
  subject: z.string(),
  agent: z.string().optional(),
  roles: names,
  scopes: names,
  issuer: z.string(),
  csrfToken: z.string(),
  expiresAt: z.number(),
})

const COOKIE = 'tool-gateway'
/** Browsers keep no larger cookie. */
const MAX_COOKIE = 4000
const MAX_TEXT = 64 * 1024

/**
 * The person who is signed in in a browser, stored in a sealed cookie (HttpOnly, SameSite=Lax), so that it survives
 * restarts and is the same for every gateway with the same key.
 */
export class BrowserSessions {
  readonly #cookie: HostCookie
  readonly #sealing: Sealing
  readonly #clock: Clock
  readonly #disabled: Pick<DisabledTenants, 'has'> | undefined
  readonly #ended: EndedSessions

  /** @param options.keys gateways that serve the same browsers must share them */
  constructor(options: {
    keys: KeyRing
    publicUrl: string
    /** Sessions of these tenants are not valid. */
    disabled?: Pick<DisabledTenants, 'has'> | undefined
    /** Where it is kept that a session was ended. */
    store: EndStore
    clock: Clock
    logger: Logger
  }) {
    this.#disabled = options.disabled
    this.#cookie = new HostCookie({ name: COOKIE, publicUrl: options.publicUrl })
    this.#sealing = new Sealing(options.keys, 'browser session')
    this.#clock = options.clock
    this.#ended = new EndedSessions(options)
  }

  /** The session of the browser that sent a `Cookie` header; undefined if no one is signed in. */
  async read(cookieHeader: string | undefined): Promise<BrowserSession | undefined> {
    const sealed = this.#cookie.read(cookieHeader)
    const text =
      sealed === undefined || sealed.length > MAX_COOKIE ? undefined : this.#sealing.open(sealed, COOKIE)
    if (text === undefined) return undefined
    const { csrfToken, expiresAt, agent, ...rest } = stored.parse(JSON.parse(unpacked(text)))
    if (this.#clock.now() >= expiresAt || this.#disabled?.has(rest.tenantId) === true) return undefined
    if (await this.#ended.has(csrfToken)) return undefined
    return { principal: { ...rest, agent, expiresAtMs: expiresAt }, csrfToken, expiresAt }
  }

  /**
   * The `Set-Cookie` header that signs a person in, until the principal expires.
   * @throws GatewayError `forbidden` when the principal has more roles than a cookie can hold
   */
  issue(principal: Principal): string {
    const { expiresAtMs: expiresAt, ...rest } = principal
    const csrfToken = randomBytes(16).toString('base64url')
    const sealed = this.#sealing.seal(packed(JSON.stringify({ ...rest, csrfToken, expiresAt })), COOKIE)
    if (sealed.length > MAX_COOKIE)
      throw new GatewayError('forbidden', 'The roles of this person do not fit into a browser session')
    return this.#cookie.set(sealed, Math.max(Math.floor((expiresAt - this.#clock.now()) / 1000), 0))
  }

  /** Ends a session, also for copies of its cookie; returns whether that outlasts this process. */
  end({ csrfToken, expiresAt }: BrowserSession): Promise<boolean> {
    return this.#ended.end(csrfToken, expiresAt)
  }

  /** The `Set-Cookie` header that signs a person out. */
  clear(): string {
    return this.#cookie.clear()
  }
}

/** Names of roles repeat themselves. */
function packed(text: string): string {
  return deflateRawSync(text).toString('base64url')
}

function unpacked(text: string): string {
  return inflateRawSync(Buffer.from(text, 'base64url'), { maxOutputLength: MAX_TEXT }).toString('utf8')
}
