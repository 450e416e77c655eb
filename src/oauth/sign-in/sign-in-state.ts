import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import { HostCookie } from '../../identity/browser/cookies.ts'

const schema = z.object({
  /** The provider that it is about. */
  key: z.string(),
  issuer: z.string(),
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  until: z.number(),
})

/** A sign-in that a browser is in the middle of. */
export type SignInState = z.output<typeof schema>

const NAME = 'tool-gateway-signin'
const LIFETIME_SECONDS = 600

/** Stores a sign-in in progress in a sealed cookie of the browser that began it: only that browser can complete it. */
export class SignInStates {
  readonly #cookie: HostCookie
  readonly #sealing: Sealing
  readonly #clock: Clock

  constructor(options: { keys: KeyRing; publicUrl: string; clock: Clock }) {
    this.#cookie = new HostCookie({ name: NAME, publicUrl: options.publicUrl })
    this.#sealing = new Sealing(options.keys, 'sign-in under way')
    this.#clock = options.clock
  }

  /** The `Set-Cookie` header that begins a sign-in. */
  issue(state: Omit<SignInState, 'until'>): string {
    const until = this.#clock.now() + LIFETIME_SECONDS * 1000
    return this.#cookie.set(this.#sealing.seal(JSON.stringify({ ...state, until }), NAME), LIFETIME_SECONDS)
  }

  /** The sign-in of the browser that sent a `Cookie` header, for ten minutes. */
  read(cookieHeader: string | undefined): SignInState | undefined {
    const sealed = this.#cookie.read(cookieHeader)
    const text = sealed === undefined ? undefined : this.#sealing.open(sealed, NAME)
    if (text === undefined) return undefined
    const state = schema.parse(JSON.parse(text))
    return this.#clock.now() < state.until ? state : undefined
  }

  clear(): string {
    return this.#cookie.clear()
  }
}
