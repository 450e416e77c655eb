import type { Client } from '@modelcontextprotocol/client'
import { type ClientKind, connectClient } from './mcp-clients.ts'
import { startTestGateway, type TestGateway } from './start-gateway.ts'
import { type Ledger, ledgerHttp } from './upstreams/ledger-http.ts'

type Fields = Record<string, unknown>

/** What a program got. */
interface Answer {
  readonly status: number
  readonly body: Fields
}

/** A person with an MCP client. */
interface AskedPerson {
  readonly subject: string
  readonly capabilities: Fields
  /** What the person does when asked. */
  readonly decide: (params: Fields) => Fields | Promise<Fields>
}

/** A gateway in front of one server, `files`, some of whose tools need a person's yes. `bob` is an approver. */
export interface ApprovalWorld extends TestGateway {
  readonly ledger: Ledger
  /** The arguments of each call that the server got. */
  readonly sent: () => unknown[]
  readonly ask: (subject: string, method: string, path: string, body?: Fields) => Promise<Answer>
  readonly call: (subject: string, tool: string, given: Fields) => Promise<Answer>
  readonly approve: (id: string) => Promise<Answer>
  readonly client: (kind: ClientKind, person: AskedPerson) => Promise<Client>
}

export async function startApprovalWorld(pipelines?: Record<string, Fields>): Promise<ApprovalWorld> {
  const ledger = await ledgerHttp()
  const document = {
    transport: 'streamable-http',
    url: ledger.url,
    approval: { tools: 'destructive' },
    tools: { ask: { approval: 'caller' }, send: { approval: 'second-person', fixed: { key: 'k-1' } } },
  }
  const gateway = await startTestGateway({ files: document }, { ...(pipelines && { pipelines }) })
  const ask: ApprovalWorld['ask'] = async (subject, ...request) => {
    const roles = subject === 'bob' ? ['reader', 'approver'] : ['reader']
    return gateway.rest(await gateway.token({ subject, roles }), ...request)
  }
  return {
    ...gateway,
    ledger,
    sent: () => ledger.calls.map((params) => params['arguments']),
    ask,
    call: (subject, tool, given) => ask(subject, 'POST', `/v1/tools/${tool}`, { arguments: given }),
    approve: (id) => ask('bob', 'POST', `/v1/approvals/${id}/approve`, {}),
    client: async (kind, { subject, capabilities, decide }) =>
      connectClient(kind, gateway.url, await gateway.token({ subject }), {
        server: 'files',
        capabilities,
        prepare: (client) => {
          if ('elicitation' in capabilities)
            client.setRequestHandler('elicitation/create', async ({ params }) => decide(params) as never)
        },
      }),
    close: async () => {
      await gateway.close()
      await ledger.close()
    },
  }
}

/** The id of the request in an error that asks for approval. */
export function approvalIn(body: Fields): string {
  return (body['approval'] as { id: string }).id
}
