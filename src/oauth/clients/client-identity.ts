import { shownName } from './client-metadata.ts'

/** What a client says of itself, and what is known of it. */
export interface ClientFacts {
  readonly clientId: string
  /** Given by the client, so that it proves nothing. */
  readonly name: string
  /** The host that vouches for the client by its metadata document; undefined for one that registered itself. */
  readonly publisher: string | undefined
  /** The agent of its tokens, unless an operator gave it another. */
  readonly agent: string
}

/** Stands before the agent names of clients that registered themselves under any name that they liked. */
const UNVERIFIED = 'unverified:'

const MAX_AGENT = 256
const MAX_AGENT_NAME = 64

/**
 * Who a client is. Its agent name is never one that another kind of caller has: the address of its metadata document,
 * which only its publisher can serve, or what it calls itself behind `unverified:`.
 */
export function clientFacts(client: {
  readonly clientId: string
  readonly clientName?: string | undefined
}): ClientFacts {
  const { clientId } = client
  const name = shownName(client.clientName ?? 'unnamed client')
  const url = /^https:\/\//i.test(clientId) ? URL.parse(clientId) : null
  if (url !== null) return { clientId, name, publisher: url.host, agent: clientId.slice(0, MAX_AGENT) }
  // Commas separate names in the header x-agent-name.
  const agentName = name.replace(/[^\x20-\x2b\x2d-\x7e]/g, '_').slice(0, MAX_AGENT_NAME)
  return { clientId, name, publisher: undefined, agent: `${UNVERIFIED}${agentName}` }
}

/** The longest address of a metadata document that is a client id: it has to be an agent name, too. */
export const MAX_CLIENT_ID = MAX_AGENT
