import { mkdtemp, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalIssuer } from '../../src/identity/local-issuer.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { eventually } from '../../test/support/eventually.ts'
import { spawnGateway } from '../../test/support/gateway-process.ts'
import type { Program } from './programs.ts'

/** A gateway with everything on: tokens, access rules, records on disk, metrics, the log at `info`. Its URL has no path. */
export interface Gateway extends Program {
  readonly dataDir: string
  /** Puts these servers into its registry, in place of those that are there. */
  readonly register: (servers: Readonly<Record<string, unknown>>) => Promise<void>
  /** A token of a user of that tenant with these roles. */
  readonly token: (subject: string, roles?: readonly string[], tenantId?: string) => Promise<string>
  /** Where its inspector listens, if its environment asks for one. */
  readonly inspector: () => string
  /** Time from the start of the process until it listened, and until every server was ready, in milliseconds. */
  readonly listeningMs: number
  readonly readyMs: number
}

/** Starts a gateway with these server documents; resolves when all of them are ready. */
export async function startGateway(
  servers: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-bench-'))
  const register: Gateway['register'] = async (documents) => {
    const [file, next] = [join(dataDir, 'registry.yaml'), join(dataDir, 'registry.next')]
    await writeFile(next, JSON.stringify({ servers: documents }))
    await rename(next, file)
  }
  await register(servers)
  const issuer = await LocalIssuer.open({ dir: dataDir, clock: systemClock })
  const start = performance.now()
  const gateway = await spawnGateway({ ...environment, DATA_DIR: dataDir })
  const token: Gateway['token'] = (subject, roles = ['reader'], tenantId = 'local') =>
    issuer.issue({ tenantId, subject, roles, ttlMs: 3_600_000 })
  const url = await gateway.url()
  const listeningMs = performance.now() - start
  const headers = { authorization: `Bearer ${await token('operator', ['operator'])}` }
  await eventually(
    async () => {
      const answer = (await (await fetch(`${url}/v1/servers`, { headers })).json()) as Overview
      return answer.servers.every(({ state }) => state === 'ready') && answer.servers.length > 0
    },
    { what: 'every server of the gateway being ready', intervalMs: 50 },
  )
  return {
    pid: gateway.child.pid ?? 0,
    url,
    dataDir,
    register,
    inspector: () => /ws:\/\/\S+/.exec(gateway.output.join('\n'))?.[0] ?? '',
    token,
    listeningMs,
    readyMs: performance.now() - start,
    close: async () => {
      gateway.child.kill('SIGTERM')
      await gateway.exited
      await gateway.remove()
    },
  }
}

/** Documents of so many servers, named `echo-0` and so on. */
export function documentsOf<T>(count: number, documentOf: (index: number) => T): Record<string, T> {
  const entries = Array.from({ length: count }, (_, index) => [`echo-${index}`, documentOf(index)] as const)
  return Object.fromEntries(entries)
}

interface Overview {
  readonly servers: readonly { readonly state: string }[]
}
