import type { Lifecycle } from '../lifecycle.ts'
import { withResolvedPipelines } from '../pipelines/references.ts'
import type { OpenRegistry } from '../registry/registry-open.ts'
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
    },
  ) {
    const { registry, lifecycle } = options
    this.#registry = registry
    this.#reconciler = new Reconciler(options)
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

  /** Resolves and rejects as the start of the registry does; `onFirst` is called before the first snapshot is applied. */
  async start({ onFirst }: { onFirst: () => void }): Promise<void> {
    await this.#registry.source.start((snapshot) => {
      if (!this.#hasSnapshot) onFirst()
      this.#hasSnapshot = true
      this.#reconciler.apply(withResolvedPipelines(snapshot))
    })
  }
}
