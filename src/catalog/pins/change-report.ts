import type { Logger } from '../../telemetry/logger.ts'
import type { NamedItem } from '../../upstream/discovery/listing.ts'
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
    for (const tool of fresh) this.#say(definition, tool, trusted.get(tool.name), policy)
    const { tenantId, name: server } = definition
    const tools = fresh.map((tool) => ({
      name: tool.name,
      kind: kindOf(trusted.get(tool.name)),
      hash: definitionHash(tool),
    }))
    if (tools.length > 0) this.#onToolsChanged({ tenantId, server, policy, tools })
  }

  forget(key: ServerKey): void {
    this.#reported.delete(key)
  }

  #say(definition: ServerDefinition, tool: NamedItem, pin: Pin | undefined, policy: ToolChangePolicy): void {
    const kind = kindOf(pin)
    const fields = {
      server: serverKey(definition),
      tool: tool.name,
      policy,
      hash: definitionHash(tool),
      ...(pin !== undefined && { pinned: pin.hash }),
    }
    if (policy === 'hold')
      this.#logger.warn(fields, `a ${kind} tool is held back until its definition is approved`)
    else if (kind === 'new') this.#logger.info(fields, 'a server offers a new tool')
    else if (policy === 'alert') this.#logger.warn(fields, 'the definition of a tool has changed')
    else this.#logger.info(fields, 'the definition of a tool has changed, and is trusted')
    this.#onToolChange({ server: definition.name, kind, policy })
  }
}

function kindOf(pin: Pin | undefined): ToolChange['kind'] {
  return pin === undefined ? 'new' : 'changed'
}
