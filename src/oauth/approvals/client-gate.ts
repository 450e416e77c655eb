import type { Administration } from '../../audit/administration.ts'
import type { Identity } from '../../identity/identity.ts'
import type { ClientApproval, ClientApprovals } from '../clients/client-approvals.ts'
import type { ClientFacts } from '../clients/client-identity.ts'

/** The role that approves clients for a tenant. */
export const OPERATOR = 'operator'
/** For as long as an operator may take. */
const KEPT_SECONDS = 7 * 86_400

interface ClientGateOptions {
  readonly approvals: ClientApprovals
  /** Whether the clients of a tenant need the approval of an operator. */
  readonly needsOperator: (tenantId: string) => boolean
  /** Keeps a client that registered itself. */
  readonly keepClient: (clientId: string, seconds: number) => Promise<void>
  readonly acts: Administration
}

/** Whether the people of a tenant may use a client: where the tenant wants it, an operator has to approve it first. */
export class ClientGate {
  readonly #options: ClientGateOptions

  constructor(options: ClientGateOptions) {
    this.#options = options
  }

  /**
   * What keeps a person from using a client; undefined when nothing does. The client is noted for the operators. An
   * operator needs no other one.
   */
  async refusalOf(client: ClientFacts, { principal }: Identity): Promise<ClientApproval | undefined> {
    const { approvals, needsOperator, keepClient } = this.#options
    const { tenantId, subject, roles } = principal
    if (!needsOperator(tenantId) || roles.includes(OPERATOR)) return undefined
    const approval = await approvals.ask(tenantId, client, subject)
    if (approval.state === 'approved') return undefined
    await keepClient(client.clientId, KEPT_SECONDS)
    return approval
  }

  /** An operator allows a client: it is approved for the whole tenant, where the tenant wants that. */
  async allowed(client: ClientFacts, identity: Identity): Promise<void> {
    const { approvals, needsOperator } = this.#options
    const { tenantId, roles } = identity.principal
    if (!needsOperator(tenantId) || !roles.includes(OPERATOR)) return
    if ((await approvals.get(tenantId, client.clientId))?.state === 'approved') return
    await this.decide(client, 'approved', identity)
  }

  /** What an operator says of a client, which is recorded. */
  async decide(
    client: ClientFacts,
    state: 'approved' | 'denied',
    identity: Identity,
  ): Promise<ClientApproval> {
    const { approvals, acts } = this.#options
    const { tenantId, subject } = identity.principal
    return await acts.perform(
      identity,
      () => approvals.decide(tenantId, client, { state, decidedBy: subject }),
      () => ({
        action: state === 'approved' ? 'client.approve' : 'client.deny',
        object: { tenantId, name: client.clientId },
        change: { client: client.name, agent: client.agent },
      }),
    )
  }
}
