import { documentOf } from '../../domain/access/explanation.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import type { Principal } from '../../domain/principal.ts'
import type { Limits } from '../../calls/limits/limits.ts'
import { masked } from '../../registry/mask.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import { mayManage } from '../management/managed-server.ts'
import type { FoundTarget } from './target.ts'

/** Reasons why a call would fail that every rule allows, and other known facts. */
export interface Obstacle {
  readonly kind:
    'server-unavailable' | 'not-offered' | 'quarantined' | 'limit' | 'pin' | 'role-in-other-claim'
  /** Whether a call fails because of it. */
  readonly isBlocking: boolean
  readonly document: string
  readonly field: string
  readonly value: unknown
  readonly text: string
  readonly remedies: readonly string[]
  readonly retryAfterMs?: number
}

/** What may find an obstacle for a caller and what it wants to use. */
export type ObstacleSource = (
  principal: Principal,
  found: FoundTarget,
  asker: Principal,
) => readonly Obstacle[]

/** The state of servers: one that is down, stopped or starting. */
export function serverObstacles({
  upstreams,
  platformAdminRole,
}: {
  upstreams: Pick<Upstreams, 'status'>
  platformAdminRole: string
}): ObstacleSource {
  return (_principal, { server }, asker) => {
    if (server === undefined || !server.enabled || server.transport === 'builtin') return []
    const status = upstreams.status(serverKey(server))
    if (status === undefined || status.state === 'ready') return []
    // It starts on its first use.
    if (status.state === 'stopped' && status.reason === undefined && !server.lifecycle.autoStart) return []
    const isManager = mayManage(asker, server, platformAdminRole)
    const because = isManager && status.reason !== undefined ? `: ${status.reason}` : ''
    return [
      {
        kind: 'server-unavailable',
        isBlocking: true,
        document: documentOf(server),
        ...launchOf(server, isManager),
        text: `The server ${server.name} is ${status.state}${because}.`,
        remedies: [`See what it says: tg servers inspect ${server.name}, tg servers logs ${server.name}`],
      },
    ]
  }
}

/** Limits that are used up. */
export function limitObstacles({ limits }: { limits: Pick<Limits, 'usedUp'> }): ObstacleSource {
  return (principal, { server }) => {
    if (server === undefined) return []
    return limits.usedUp(principal, server).map(({ document, field, value, message, retryAfterMs }) => ({
      kind: 'limit',
      isBlocking: true,
      document,
      field,
      value,
      text: `${message}: ${value} (${document}, ${field}).`,
      remedies: [`Wait ${Math.ceil(retryAfterMs / 1000)} s.`, `Raise ${field} in ${document}.`],
      retryAfterMs,
    }))
  }
}

/** What a server does not list, and documents that were refused. */
export const offerObstacles: ObstacleSource = (_principal, { server, target, isOffered, refused }) => [
  ...(server === undefined || isOffered !== false
    ? []
    : [
        {
          kind: 'not-offered',
          isBlocking: true,
          document: documentOf(server),
          field: 'tools',
          value: target.name,
          text: `The server ${server.name} lists no ${target.kind} ${JSON.stringify(target.name ?? '')}.`,
          remedies: [`See what it lists: tg tools list --server ${server.name}`],
        } as const,
      ]),
  ...(refused === undefined
    ? []
    : [
        {
          kind: 'quarantined',
          isBlocking: !refused.lastGoodServes,
          document: `servers/${refused.tenantId ?? '?'}/${refused.name}`,
          field: '',
          value: undefined,
          text: `The document was refused${refused.lastGoodServes ? ', its last valid version is in use' : ''}: ${refused.reason}`,
          remedies: ['Correct the document.'],
        } as const,
      ]),
]

/** The field that says where a server is, or which program it is; without secrets. */
function launchOf(server: ServerDefinition, isManager: boolean): Pick<Obstacle, 'field' | 'value'> {
  const shown = masked({ ...server }, isManager ? [] : ['command', 'args', 'cwd'])
  const field =
    ['url', 'instances', 'package', 'command'].find((name) => shown[name] !== undefined) ?? 'transport'
  return { field, value: shown[field] }
}
