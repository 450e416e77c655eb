import type { CallerClient } from '../../calls/call.ts'
import type { OperationTarget } from '../../calls/target-names.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { TASKS_EXTENSION } from '../../upstream/messages/client-side.ts'

const MISSING_CAPABILITY = -32_021

/**
 * Checks that a client of 2026-07-28 that requests a task has declared the tasks extension (MCP extension tasks,
 * errors).
 * @throws GatewayError `client_capability_required`
 */
export function checkHasTasks({ task }: OperationTarget, { era, capabilities }: CallerClient): void {
  const { extensions } = capabilities
  if (task === undefined || era === 'legacy') return
  if (isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION])) return
  const message = `The client did not declare the extension ${TASKS_EXTENSION}`
  const data = { requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } }
  throw new GatewayError('client_capability_required', message, {
    // The error code that the extension requires, instead of the gateway's own.
    facts: { mayHaveExecuted: false, upstream: { code: MISSING_CAPABILITY, message, data } },
  })
}
