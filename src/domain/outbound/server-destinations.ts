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
    ...(auth.kind === 'oauth' && auth.issuer !== undefined
      ? problemAt('auth.issuer', auth.issuer, policy)
      : []),
  ]
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
