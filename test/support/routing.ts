import { Catalog } from '../../src/catalog/catalog.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { type ServerDefinition, serverKey } from '../../src/domain/documents/server-definition.ts'
import type { Call, Caller, Operation } from '../../src/calls/call.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { principal, snapshotOf } from './offers.ts'

/** A catalog of servers, each with what it offers or undefined while it has not said. */
export function catalogOf(...servers: [ServerDefinition, Offer | undefined][]): Catalog {
  const catalog = new Catalog()
  catalog.applySnapshot(snapshotOf(...servers.map(([server]) => server)))
  for (const [server, offered] of servers) {
    if (offered !== undefined) catalog.setOffer(serverKey(server), offered)
  }
  return catalog
}

export function caller(fields: Partial<Principal> = {}, sessionId?: string): Caller {
  return { principal: principal(fields), face: 'rest', sessionId, requestId: 'r-1' }
}

/** A call of the tool `alpha_echo`, with what a test wants to be different. */
export function operation(fields: Partial<Operation> = {}): Operation {
  return {
    action: 'call',
    kind: 'tool',
    name: 'alpha_echo',
    scope: undefined,
    method: 'tools/call',
    params: { name: 'alpha_echo', arguments: { a: 1 } },
    signal: new AbortController().signal,
    ...fields,
  }
}

/** A call as it enters the pipeline. */
export function call(fields: Partial<Call> = {}): Call {
  const its = fields.operation ?? operation()
  return {
    caller: caller(),
    operation: its,
    startedAt: 0,
    route: undefined,
    decision: undefined,
    params: its.params,
    askedMs: 0,
    timeoutMs: 0,
    pool: undefined,
    client: undefined,
    instance: undefined,
    ...fields,
  }
}
