import type { Catalog } from '../../catalog/catalog.ts'
import type { Principal } from '../../domain/principal.ts'
import { nearNames } from '../../domain/text/near-names.ts'
import type { ExplanationAnswer } from './answer.ts'
import type { Asked, FoundTarget } from './target.ts'

/** The caller that an answer is about. */
export function shownPrincipal({
  tenantId,
  subject,
  agent,
  roles,
  scopes,
}: Principal): ExplanationAnswer['principal'] {
  return {
    tenantId,
    ...(subject !== '' && { subject }),
    agent: agent ?? null,
    roles: [...roles],
    scopes: [...scopes],
  }
}

/** What an answer is about. */
export function shownTarget(
  { kind, name }: Asked,
  { server, target }: FoundTarget,
): ExplanationAnswer['target'] {
  return {
    kind,
    name,
    ...(server !== undefined && { server: server.name, tenantId: server.tenantId }),
    ...(target.name !== undefined && { ownName: target.name }),
  }
}

/** Names near the one that was asked for, of the view of the caller that the question is about. */
export function suggestions(
  catalog: Pick<Catalog, 'viewOf'>,
  about: Principal,
  { kind, name }: Asked,
): string[] {
  return nearNames(name, namesOf(catalog, about, kind))
}

function namesOf(catalog: Pick<Catalog, 'viewOf'>, about: Principal, kind: Asked['kind']): string[] {
  const view = catalog.viewOf(about)
  if (kind === 'server') return view.servers.map(({ name }) => name)
  const items = { tool: view.tools, prompt: view.prompts, resource: view.resources }[kind]
  return items.map(({ shownAs }) => shownAs)
}
