import { documentPolicies, policyValues } from '../../config/settings.ts'
import type { ServerRules } from '../../registry/documents/check-server.ts'
import { serverRules } from '../../registry/documents/server-rules.ts'

/** What a gateway with this environment forbids in documents of servers; nothing where its settings cannot be read. */
export function environmentRules(env: NodeJS.ProcessEnv): ServerRules {
  const given = Object.entries(env).filter(([, text = '']) => text.trim() !== '')
  const { data } = policyValues.safeParse(Object.fromEntries(given))
  return data === undefined ? () => [] : serverRules(documentPolicies(data))
}
