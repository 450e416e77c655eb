import { collectReports, type Reports } from './reports.ts'
import { type Documents, startTestGateway, type TestGateway } from './start-gateway.ts'
import { relayedServer } from './stdio-relay.ts'
import { chattyHttp } from './upstreams/chatty-http.ts'
import type { HttpUpstream } from './upstreams/sample-http.ts'
import { servingChatty } from './upstreams/stdio-servers.ts'

/** The chatty server of each era over each transport. */
export const CHATTY_SERVERS = ['legacy-stdio', 'modern-stdio', 'legacy-http', 'modern-http'] as const
export type ChattyServerName = (typeof CHATTY_SERVERS)[number]

/** A gateway in front of all chatty servers. */
export interface ChattyGateway extends TestGateway {
  readonly reports: Reports
  /** As they are registered. */
  readonly documents: Documents
  /** Has a server lose all it knows, as if its machine had restarted. */
  readonly restart: (server: ChattyServerName) => void
}

/** @param fields what all servers are registered with, beside how they are reached */
export async function startChattyGateway(fields: Documents[string] = {}): Promise<ChattyGateway> {
  const reports = await collectReports()
  const legacy = await chattyHttp('legacy', reports.url)
  const modern = await chattyHttp('modern', reports.url)
  const stdio = {
    legacy: await relayedServer(servingChatty('legacy', reports.url)),
    modern: await relayedServer(servingChatty('modern', reports.url)),
  }
  const documents: Record<ChattyServerName, Documents[string]> = {
    'legacy-stdio': { ...fields, ...stdio.legacy.document },
    'modern-stdio': { ...fields, ...stdio.modern.document },
    'legacy-http': { ...fields, transport: 'streamable-http', url: legacy.url },
    'modern-http': { ...fields, transport: 'streamable-http', url: modern.url },
  }
  const gateway = await startTestGateway(documents)
  const https: Partial<Record<ChattyServerName, HttpUpstream>> = {
    'legacy-http': legacy,
    'modern-http': modern,
  }
  return {
    ...gateway,
    reports,
    documents,
    restart: (server) => {
      const http = https[server]
      if (http !== undefined) {
        http.forgetSessions()
        http.cut()
      }
      const status = gateway.gateway.statuses().find(({ name }) => name === server)
      for (const { pid } of status?.instances ?? []) if (pid !== undefined) process.kill(pid, 'SIGKILL')
    },
    close: async () => {
      await gateway.close()
      await Promise.all([
        ...[legacy, modern, reports].map((upstream) => upstream.close()),
        ...Object.values(stdio).map((upstream) => upstream.close()),
      ])
    },
  }
}
