import type { Settings } from '../../config/settings.ts'
import { launchProblems } from '../../domain/launch/launch-policy.ts'
import { destinationProblems } from '../../domain/outbound/server-destinations.ts'
import type { ServerRules } from './check-server.ts'

/** What the settings of a gateway forbid in documents of servers. */
export function serverRules({ outbound, launch }: Pick<Settings, 'outbound' | 'launch'>): ServerRules {
  return (server) => [...destinationProblems(server, outbound), ...launchProblems(server, launch)]
}
