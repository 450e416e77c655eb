import type { Settings } from '../../config/settings.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { KubernetesApi } from './kubernetes-client.ts'
import { documentsOfServices } from './kubernetes-documents.ts'
import { type ServiceFacts, type SliceFacts, readService, readSlice } from './kubernetes-objects.ts'
import { type ResourceApi, ResourceWatch } from './kubernetes-watch.ts'
import type { RegistryDocument } from '../documents/registry-document.ts'

/** What changes within this time is taken over in one step. */
const COALESCE_MS = 50

interface Scope {
  readonly services: ResourceWatch<ServiceFacts>
  readonly slices: ResourceWatch<SliceFacts>
}

/**
 * Servers of a Kubernetes cluster: labelled Services, whose ready endpoints are the instances. While the API server
 * does not answer, the last known state stays in force.
 */
export class KubernetesSource {
  readonly #settings: NonNullable<Settings['kubernetes']>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #scopes: readonly Scope[]
  #onDocuments: (documents: readonly RegistryDocument[]) => void = () => {}
  #cancel: (() => void) | undefined
  #closed = false

  constructor(options: {
    api: KubernetesApi
    settings: NonNullable<Settings['kubernetes']>
    clock: Clock
    random: () => number
    logger: Logger
  }) {
    const { api, clock, random, logger } = options
    this.#settings = options.settings
    this.#clock = clock
    this.#logger = logger
    const watch = <T extends { namespace: string; name: string }>(
      resource: ResourceApi,
      read: (object: unknown) => T | undefined,
    ): ResourceWatch<T> =>
      new ResourceWatch({ api: resource, read, onChange: () => this.#runSoon(), clock, random, logger })
    this.#scopes = api.scopes.map(({ services, slices }) => ({
      services: watch(services, readService),
      slices: watch(slices, readSlice),
    }))
  }

  /** Whether what was discovered may be out of date. */
  get isStale(): boolean {
    return this.#scopes.some(({ services, slices }) => services.isStale || slices.isStale)
  }

  /** Begins to look; each time that something has changed `onDocuments` gets all documents. Never throws. */
  start(onDocuments: (documents: readonly RegistryDocument[]) => void): void {
    this.#onDocuments = onDocuments
    for (const { services, slices } of this.#scopes) {
      services.start()
      slices.start()
    }
  }

  /** No documents come after it. Idempotent. */
  close(): void {
    this.#closed = true
    this.#cancel?.()
    for (const { services, slices } of this.#scopes) {
      services.close()
      slices.close()
    }
  }

  #runSoon(): void {
    if (this.#closed) return
    this.#cancel ??= this.#clock.after(COALESCE_MS, () => {
      this.#cancel = undefined
      this.#run()
    })
  }

  #run(): void {
    const { tenantId, namespaces, addresses } = this.#settings
    const tenants = new Map(namespaces.map((entry) => [entry.namespace, entry.tenantId]))
    const tenantOf = (namespace: string): string => tenants.get(namespace) ?? tenantId
    // Services alone would give addresses that may not be reachable.
    const known = this.#scopes.flatMap(({ services, slices }) =>
      services.objects === undefined || slices.objects === undefined
        ? []
        : [{ services: services.objects, slices: slices.objects }],
    )
    const documents = documentsOfServices(
      known.flatMap(({ services }) => services),
      known.flatMap(({ slices }) => slices),
      { tenantOf, addresses },
    )
    this.#logger.debug({ services: documents.length }, 'services discovered')
    this.#onDocuments(documents)
  }
}
