import { type Catalog, serverPart } from '../../catalog/catalog.ts'
import type { Target } from '../../domain/access-policy.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import { type QuarantinedDocument, serverNamed, type Snapshot } from '../../domain/snapshot.ts'

/** What a question about access is about, by the names that callers use. */
export type Asked =
  | { readonly kind: 'tool' | 'prompt' | 'resource'; readonly name: string; readonly server?: string }
  | { readonly kind: 'server'; readonly name: string }

/** What the names of a question mean for a tenant. */
export interface FoundTarget {
  readonly target: Target
  /** Undefined if the registry has no such server. */
  readonly server: ServerDefinition | undefined
  /** Whether the server lists it; undefined while that is not known. */
  readonly isOffered: boolean | undefined
  /** The document of that name that was refused. */
  readonly refused: QuarantinedDocument | undefined
}

/**
 * Finds what a question is about, as calls do.
 * @param isElsewhere whether a server of another tenant is found where the tenant has none
 */
export function targetOf(
  catalog: Catalog,
  tenantId: string,
  asked: Asked,
  { isElsewhere }: { isElsewhere: boolean },
): FoundTarget {
  const name = serverNameIn(asked)
  const { snapshot } = catalog
  const server = serverNamed(snapshot, tenantId, name) ?? (isElsewhere ? anyNamed(snapshot, name) : undefined)
  const refused = snapshot.quarantined.find(
    (document) =>
      document.name === name && (isElsewhere || [tenantId, '*'].includes(document.tenantId ?? '')),
  )
  const key = server === undefined ? serverKey({ tenantId, name }) : serverKey(server)
  return { ...offeredBy(catalog, server, key, asked), server, refused }
}

function offeredBy(
  catalog: Catalog,
  server: ServerDefinition | undefined,
  key: ServerKey,
  asked: Asked,
): Pick<FoundTarget, 'target' | 'isOffered'> {
  const { kind, name } = asked
  if (kind === 'server') return { target: { server: key, kind }, isOffered: true }
  const offered = server === undefined ? undefined : catalog.catalogOf(server)
  const isAlone = asked.server !== undefined
  const ownName = isAlone || kind === 'resource' ? name : name.slice(name.indexOf('_') + 1)
  if (offered === undefined) return { target: { server: key, kind, name: ownName }, isOffered: undefined }
  // Servers may serve resources that they do not list.
  if (kind === 'resource') return { target: { server: key, kind, name }, isOffered: true }
  const item = (kind === 'tool' ? offered.tools : offered.prompts)[isAlone ? 'plain' : 'exposed'].byName.get(
    name,
  )
  return {
    target: { server: key, kind, name: item?.name ?? ownName },
    isOffered: item !== undefined,
  }
}

function serverNameIn(asked: Asked): string {
  if (asked.kind === 'server') return asked.name
  return asked.server ?? serverPart(asked.name)
}

function anyNamed({ servers }: Snapshot, name: string): ServerDefinition | undefined {
  return [...servers.values()].find((server) => server.name === name)
}
