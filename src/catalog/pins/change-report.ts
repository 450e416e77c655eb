import type { Logger } from '../../telemetry/logger.ts'
import type { ServerDefinition, ServerKey } from '../../domain/documents/server-definition.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Comparison, ToolChangePolicy } from './comparison.ts'
import { definitionHash } from './definition-hash.ts'
import type { Pin } from './pin-store.ts'

/** A definition that is not the trusted one, seen for the first time. */
export interface ToolChange {
  readonly server: string
  readonly kind: 'changed' | 'new'
  readonly policy: ToolChangePolicy
}

/** Definitions of one server that are not the trusted ones, seen for the first time. */
export interface ToolsChanged {
  readonly tenantId: string
  readonly server: string
  readonly policy: ToolChangePolicy
  readonly tools: readonly {
    readonly name: string
    readonly kind: ToolChange['kind']
    readonly hash: string
  }[]
}

/** One of them, with the hash that is trusted. */
type Changed = ToolsChanged['tools'][number] & { readonly pinned: string | undefined }

/** Of a line of the log. */
const MAX_NAMED = 10
const MAX_NAME = 128
/** Of one server, which may change its tools as often as it likes. */
const MAX_REPORTED = 20_000

/** Says of each definition that is not the trusted one, once, that there is one. */
export class ChangeReport {
  readonly #logger: Logger
  readonly #onToolChange: (change: ToolChange) => void
  readonly #onToolsChanged: (changed: ToolsChanged) => void
  readonly #reported = new Map<ServerKey, Set<string>>()

  constructor(options: {
    logger: Logger
    onToolChange: (change: ToolChange) => void
    onToolsChanged?: (changed: ToolsChanged) => void
  }) {
    this.#logger = options.logger
    this.#onToolChange = options.onToolChange
    this.#onToolsChanged = options.onToolsChanged ?? (() => undefined)
  }

  /** @param trusted the pins for the server; nothing is reported while there are none */
  add(
    definition: ServerDefinition,
    { waiting, taken }: Comparison,
    trusted: ReadonlyMap<string, Pin> | undefined,
    policy: ToolChangePolicy,
  ): void {
    if (trusted === undefined || trusted.size === 0) return
    const key = serverKey(definition)
    const reported = this.#reported.get(key) ?? new Set()
    if (reported.size > MAX_REPORTED) reported.clear()
    this.#reported.set(key, reported)
    const fresh = [...[...waiting.values()].map((each) => each.tool), ...taken].filter((tool) => {
      // The name is part of what has the hash, and may be long.
      const hash = definitionHash(tool)
      return !reported.has(hash) && reported.add(hash)
    })
    const { tenantId, name: server } = definition
    const tools = fresh.map((tool): Changed => {
      const pin = trusted.get(tool.name)
      const kind = pin === undefined ? 'new' : 'changed'
      return { name: tool.name, kind, hash: definitionHash(tool), pinned: pin?.hash }
    })
    for (const { kind } of tools) this.#onToolChange({ server, kind, policy })
    for (const [kind, changed] of Map.groupBy(tools, (tool) => tool.kind))
      this.#say(key, kind, policy, changed)
    if (tools.length === 0) return
    const shown = tools.map(({ name, kind, hash }) => ({ name, kind, hash }))
    this.#onToolsChanged({ tenantId, server, policy, tools: shown })
  }

  forget(key: ServerKey): void {
    this.#reported.delete(key)
  }

  /** One line for all of a list, which may be thousands. */
  #say(
    server: ServerKey,
    kind: ToolChange['kind'],
    policy: ToolChangePolicy,
    changed: readonly Changed[],
  ): void {
    const tools = changed
      .slice(0, MAX_NAMED)
      .map(({ name, hash, pinned }) => ({ tool: name.slice(0, MAX_NAME), hash, pinned }))
    const fields = { server, policy, count: changed.length, tools }
    if (policy === 'hold')
      this.#logger.warn(fields, `${kind} tools are held back until their definitions are approved`)
    else if (kind === 'new') this.#logger.info(fields, 'a server offers new tools')
    else if (policy === 'alert') this.#logger.warn(fields, 'the definitions of tools have changed')
    else this.#logger.info(fields, 'the definitions of tools have changed, and are trusted')
  }
}
