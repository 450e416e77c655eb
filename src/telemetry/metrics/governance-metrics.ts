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
  readonly #attributes = new PreparedAttributes()

  /** @param sources.heldTools how many tools are held back at present */
  constructor(meter: Meter, { heldTools }: { heldTools: () => number }) {
    this.#changes = meter.createCounter('gateway.tools.changes', {
      description: 'Definitions of tools that changed, and new tools, by what happens to them',
    })
    meter
      .createObservableGauge('gateway.tools.held', {
        description: 'Tools that are held back until their definitions are approved',
      })
      .addCallback((result) => result.observe(heldTools()))
  }

  /** Counts a definition that was seen for the first time and is not the trusted one. */
  toolChange({ server, kind, policy }: ToolChange): void {
    this.#changes.add(
      1,
      this.#attributes.of([server, kind, policy], () => ({ server, kind, policy })),
    )
  }
}
