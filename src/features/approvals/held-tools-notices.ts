import { createHash } from 'node:crypto'
import type { ToolsChanged } from '../../catalog/pins/change-report.ts'
import type { Clock } from '../../domain/clock.ts'
import { stateKey } from '../../state/state-key.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Notices } from './notices.ts'

const COLLECTION = 'tool-notices'
/** How long a replica, or a gateway that starts again, knows what was reported. */
const KEEP_MS = 30 * 86_400_000
const MAX_TOOLS = 20

interface HeldToolsNoticesOptions {
  readonly notices: Pick<Notices, 'send'>
  readonly store: Pick<StateStore, 'put'>
  /** Where definitions are compared and approved. */
  readonly page: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Reports to the webhook of approvals that definitions of tools changed: once, although every replica sees it. */
export class HeldToolsNotices {
  readonly #options: HeldToolsNoticesOptions

  constructor(options: HeldToolsNoticesOptions) {
    this.#options = options
  }

  /** Reports what waits for a person; what is trusted as it is needs none. Never waits, and never throws. */
  report(changed: ToolsChanged): void {
    if (changed.policy !== 'allow') void this.#report(changed)
  }

  async #report({ tenantId, server, policy, tools }: ToolsChanged): Promise<void> {
    const { notices, page } = this.#options
    const waiting = policy === 'hold' ? tools : tools.filter(({ kind }) => kind === 'changed')
    if (waiting.length === 0) return
    const hashes = waiting.map(({ name, hash }) => [name, hash])
    const digest = createHash('sha256')
      .update(JSON.stringify([tenantId, server, hashes]))
      .digest('base64url')
    if (!(await this.#isFirst(stateKey(tenantId, server, digest)))) return
    notices.send({
      id: `msg_${digest}`,
      type: policy === 'hold' ? 'tools.held' : 'tools.changed',
      data: { tenantId, server, count: waiting.length, tools: waiting.slice(0, MAX_TOOLS), url: page },
    })
  }

  /** It is rather reported twice, under the same id, than not at all. */
  async #isFirst(key: string): Promise<boolean> {
    const { store, clock, logger } = this.#options
    try {
      const written = { expected: null, expiresAt: clock.now() + KEEP_MS }
      return (await store.put(COLLECTION, key, '', written)) !== undefined
    } catch (error) {
      logger.debug({ err: error }, 'changes of tools may be reported by several replicas')
      return true
    }
  }
}
