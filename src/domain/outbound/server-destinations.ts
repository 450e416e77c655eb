import type { ServerAuth } from '../documents/server-auth.ts'
import type { Problem } from '../documents/problems.ts'
import { type Discovered, isHttp, type ServerDefinition } from '../documents/server-definition.ts'
import { type OutboundPolicy, targetOf, targetProblem, withPrivateNetworks } from './outbound-policy.ts'

/** What a policy forbids of the addresses in a server's document, each with its place. */
export function destinationProblems(server: ServerDefinition, policy: OutboundPolicy): readonly Problem[] {
  if (!isHttp(server)) return []
  const { url, instances = [], auth } = server
  const own = policyFor(server, policy)
  return [
    ...(url === undefined ? [] : problemAt('url', url, own)),
    ...instances.flatMap((instance, index) => problemAt(`instances[${index}].url`, instance.url, own)),
    ...issuerPlaces(auth).flatMap(([path, address]) => problemAt(path, address, policy)),
  ]
}

/** The addresses in `auth`, each with its place. */
function issuerPlaces(auth: ServerAuth): [path: string, address: string][] {
  if (auth.kind === 'oauth') return given([['auth.issuer', auth.issuer]])
  if (auth.kind !== 'client_credentials' && auth.kind !== 'token_exchange') return []
  const second = auth.kind === 'token_exchange' ? auth.identityAssertion : undefined
  return given([
    ['auth.issuer', auth.issuer],
    ['auth.tokenUrl', auth.tokenUrl],
    ['auth.identityAssertion.issuer', second?.issuer],
    ['auth.identityAssertion.tokenUrl', second?.tokenUrl],
  ])
}

function given(places: [path: string, address: string | undefined][]): [path: string, address: string][] {
  return places.flatMap(([path, address]) => (address === undefined ? [] : [[path, address]]))
}

/** The policy for the addresses of a server: a cluster names those that it discovers, which are in its network. */
export function policyFor({ isDiscovered }: Discovered, policy: OutboundPolicy): OutboundPolicy {
  return isDiscovered === true ? withPrivateNetworks(policy) : policy
}

function problemAt(path: string, text: string, policy: OutboundPolicy): Problem[] {
  const url = URL.parse(text)
  const problem = url === null ? undefined : targetProblem(targetOf(url), policy)
  return problem === undefined ? [] : [{ path, text: problem }]
}
