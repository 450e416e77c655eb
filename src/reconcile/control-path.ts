import type { Clock } from '../domain/clock.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { withResolvedPipelines } from '../pipelines/references.ts'
import type { OpenRegistry } from '../registry/registry-open.ts'
import { PacedUpstreams } from './paced-upstreams.ts'
import { Reconciler, type ReconcilerOptions } from './reconciler.ts'

/** The way from the registry to what runs, and how far it can be believed, as readiness tells it. */
export class ControlPath {
  readonly #registry: Pick<OpenRegistry, 'source' | 'freshness'>
  readonly #reconciler: Reconciler
  #hasSnapshot = false

  constructor(
    options: ReconcilerOptions & {
      registry: Pick<OpenRegistry, 'source' | 'freshness' | 'isDiscoveryStale'>
      lifecycle: Lifecycle
      clock: Clock
    },
  ) {
    const { registry, lifecycle } = options
    this.#registry = registry
    const upstreams = new PacedUpstreams(options)
    this.#reconciler = new Reconciler({ ...options, upstreams })
    lifecycle.onClose('paces', () => upstreams.close())
    lifecycle.onClose('registry', () => registry.source.close())
    lifecycle.readyWhen('registry', () => this.#hasSnapshot)
    lifecycle.staleWhen('registry', () => this.isStale)
    lifecycle.staleWhen('kubernetes', () => registry.isDiscoveryStale())
  }

  /** Whether there has been a snapshot. */
  get hasSnapshot(): boolean {
    return this.#hasSnapshot
  }

  /** Whether what the registry says now is not in force, or not everywhere. */
  get isStale(): boolean {
    const { state } = this.#registry.freshness()
    return this.#hasSnapshot && (state === 'stale' || this.#reconciler.failures.length > 0)
  }

  /** The tenants, and `*`, that have something in force. */
  get tenants(): Set<string> {
    const { servers, pipelines, enhancementRules } = this.#reconciler.snapshot
    const documents = [...servers.values(), ...pipelines.values(), ...enhancementRules.values()]
    return new Set(documents.map(({ tenantId }) => tenantId))
  }

  /**
   * Resolves and rejects as the start of the registry does; `onFirst` is called before the first snapshot is applied.
   */
  async start({ onFirst }: { onFirst: () => void }): Promise<void> {
    await this.#registry.source.start((snapshot) => {
      if (!this.#hasSnapshot) onFirst()
      this.#hasSnapshot = true
      this.#reconciler.apply(withResolvedPipelines(snapshot))
    })
  }
}
