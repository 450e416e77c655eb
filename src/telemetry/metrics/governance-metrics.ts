import type { Counter, Meter } from '@opentelemetry/api'
import { PreparedAttributes } from './prepared-attributes.ts'

/** A definition of a tool that is not the trusted one, or a tool that is new. */
interface ToolChange {
  /** Name of the server, as a label may have it. */
  readonly server: string
  readonly kind: 'changed' | 'new'
  readonly policy: 'allow' | 'alert' | 'hold'
}

/** What the gateway does to what servers say, before clients get it. */
export class GovernanceMetrics {
  readonly #changes: Counter
  readonly #leftOut: Counter
  readonly #previews: Counter
  readonly #redactions: Counter
  readonly #savedBytes: Counter
  readonly #savedTokens: Counter
  readonly #attributes = new PreparedAttributes()

  /** @param sources.heldTools how many tools are held back at present */
  constructor(meter: Meter, { heldTools }: { heldTools: () => number }) {
    this.#changes = meter.createCounter('gateway.tools.changes', {
      description: 'Definitions of tools that changed, and new tools, by what happens to them',
    })
    this.#leftOut = meter.createCounter('gateway.notifications.left_out', {
      description: 'Notifications of servers that sent too many, which clients did not get',
    })
    this.#previews = meter.createCounter('gateway.results.previews', {
      description: 'Results of which callers got a preview',
    })
    this.#redactions = meter.createCounter('gateway.results.redactions', {
      description: 'Places of results that were taken out, by rule',
    })
    this.#savedBytes = meter.createCounter('gateway.results.saved_bytes', {
      description: 'Bytes of results that previews left out',
      unit: 'By',
    })
    this.#savedTokens = meter.createCounter('gateway.results.saved_tokens', {
      description: 'Tokens that previews left out, estimated at four bytes each',
    })
    meter
      .createObservableGauge('gateway.tools.held', {
        description: 'Tools that are held back until their definitions are approved',
      })
      .addCallback((result) => result.observe(heldTools()))
  }

  /** Counts a result of which its caller got a preview. */
  preview(server: string, bytes: number, tokens: number): void {
    const attributes = this.#attributes.of(['preview', server], () => ({ server }))
    this.#previews.add(1, attributes)
    this.#savedBytes.add(bytes, attributes)
    this.#savedTokens.add(tokens, attributes)
  }

  /** Counts notifications that were left out. */
  noticesLeftOut(server: string, count: number): void {
    this.#leftOut.add(
      count,
      this.#attributes.of(['left out', server], () => ({ server })),
    )
  }

  /** Counts places of a result that were taken out by a rule of a fixed set. */
  redacted(server: string, rule: 'secret' | 'pattern', count: number): void {
    this.#redactions.add(
      count,
      this.#attributes.of(['redacted', server, rule], () => ({ server, rule })),
    )
  }

  /** Counts a definition that was seen for the first time and is not the trusted one. */
  toolChange({ server, kind, policy }: ToolChange): void {
    this.#changes.add(
      1,
      this.#attributes.of([server, kind, policy], () => ({ server, kind, policy })),
    )
  }
}
