import type { Circus } from '@jest/types'
import { TestEnvironment } from 'jest-environment-node'

/**
 * Node, in which a suite whose `beforeAll` failed ends with the reason: what its `afterAll` misses then (`Cannot read
 * properties of undefined`) only follows from it.
 */
// oxlint-disable-next-line import/no-default-export -- Jest takes an environment that is the default export
export default class ReasonFirstEnvironment extends TestEnvironment {
  readonly #failed = new Set<Circus.DescribeBlock>()

  handleTestEvent(event: Circus.Event, state: Circus.State): void {
    if (event.name !== 'hook_failure' || event.describeBlock === undefined) return
    if (event.hook.type === 'beforeAll') this.#failed.add(event.describeBlock)
    if (event.hook.type === 'afterAll' && this.#failed.has(event.describeBlock)) state.unhandledErrors.pop()
  }
}
