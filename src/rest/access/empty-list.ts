import type { Catalog } from '../../catalog/catalog.ts'
import { explain } from '../../domain/access/explanation.ts'
import { sentenceOf } from '../../domain/access/remedies.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import { serversOf } from '../../domain/snapshot.ts'

const MOST = 50

/**
 * Why a list of tools is empty, as sentences: for operators server by server, for others what their token has, because
 * they may not know more.
 */
export function reasonsForNone(
  { snapshot, catalogOf }: Pick<ReturnType<Catalog['source']>, 'snapshot' | 'catalogOf'>,
  principal: Principal,
): string[] {
  const { roles, tenantId } = principal
  if (!roles.includes('operator')) {
    const has = roles.length === 0 ? 'no role' : `the roles ${roles.join(', ')}`
    return [`The token has ${has}; an operator can see which roles the servers need.`]
  }
  const servers = serversOf(snapshot, tenantId)
  if (servers.length === 0) return ['There are no servers.']
  return servers.slice(0, MOST).map((server) => {
    const target = { server: serverKey(server), kind: 'server' } as const
    const { decidedBy } = explain(principal, 'list', target, snapshot)
    if (decidedBy !== undefined) return `${server.name}: ${sentenceOf(decidedBy)}`
    return catalogOf(server) === undefined
      ? `${server.name}: The server has not answered yet.`
      : `${server.name}: None of its tools matches, or may be used.`
  })
}
