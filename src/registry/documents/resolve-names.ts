import { ALL_TENANTS } from '../../domain/principal.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { QuarantinedDocument } from '../../domain/snapshot.ts'

/** A valid server, and the reason for which its document is quarantined nevertheless, if it is. */
export interface Candidate {
  readonly id: string
  readonly server: ServerDefinition
  /** Set if the server is the last good version of a document that is now invalid. */
  readonly reason: string | undefined
}

/**
 * Makes names unique within each tenant plus `*`: a server for all tenants takes precedence over those of single
 * tenants, otherwise the first does; the others are quarantined.
 */
export function resolveNames(candidates: readonly Candidate[]): {
  servers: Map<ServerKey, ServerDefinition>
  quarantined: QuarantinedDocument[]
} {
  const holders = new Map<ServerKey, Candidate>()
  for (const candidate of candidates) {
    const key = serverKey(candidate.server)
    if (!holders.has(key)) holders.set(key, candidate)
  }
  const servers = new Map<ServerKey, ServerDefinition>()
  const quarantined: QuarantinedDocument[] = []
  for (const candidate of candidates) {
    const { name, tenantId } = candidate.server
    const holder =
      holders.get(serverKey({ tenantId: ALL_TENANTS, name })) ?? holders.get(serverKey(candidate.server))
    const serves = holder === candidate
    if (serves) servers.set(serverKey(candidate.server), candidate.server)
    const reasons = [
      ...(candidate.reason === undefined ? [] : [candidate.reason]),
      ...(serves ? [] : [takenBy(holder, candidate)]),
    ]
    if (reasons.length > 0) {
      const reason = reasons.join('; ')
      quarantined.push({ id: candidate.id, name, tenantId, reason, lastGoodServes: serves })
    }
  }
  return { servers, quarantined }
}

/** The reason names the other document only if the tenant may know of it. */
function takenBy(holder: Candidate | undefined, loser: Candidate): string {
  const whose =
    holder?.server.tenantId === loser.server.tenantId ? `document ${holder.id}` : 'a server for all tenants'
  return `name: ${loser.server.name} is already taken by ${whose}`
}
