import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalIssuer } from '../../src/identity/local-issuer.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { eventually } from '../../test/support/eventually.ts'
import { spawnGateway } from '../../test/support/gateway-process.ts'
import type { Program } from './programs.ts'

/** A gateway with everything on: tokens, access rules, records on disk, metrics, the log at `info`. */
export interface Gateway extends Program {
  /** A token of a user of that tenant with these roles. */
  readonly token: (subject: string, roles?: readonly string[], tenantId?: string) => Promise<string>
}

/** Starts a gateway with these server documents; resolves when all of them are ready. */
export async function startGateway(
  servers: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-bench-'))
  await writeFile(join(dataDir, 'registry.yaml'), JSON.stringify({ servers }))
  const issuer = await LocalIssuer.open({ dir: dataDir, clock: systemClock })
  const gateway = await spawnGateway({ ...settings, DATA_DIR: dataDir })
  const token: Gateway['token'] = (subject, roles = ['reader'], tenantId = 'local') =>
    issuer.issue({ tenantId, subject, roles, ttlMs: 3_600_000 })
  const url = await gateway.url()
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
    url: `${url}/mcp`,
    token,
    close: async () => {
      gateway.child.kill('SIGTERM')
      await gateway.exited
      await gateway.remove()
    },
  }
}

interface Overview {
  readonly servers: readonly { readonly state: string }[]
}
