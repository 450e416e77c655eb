import { mkdtemp, rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalIssuer } from '../../src/identity/local-issuer.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { spawnGateway } from './gateway-process.ts'
import type { Documents } from './start-gateway.ts'

/** What an operator sees of a server, as far as it is of interest here. */
interface ServerState {
  readonly name: string
  readonly state: string
  readonly reason?: string
  readonly problems: readonly string[]
  readonly instances: readonly { readonly state: string; readonly pid?: number; readonly restarts: number }[]
}

interface Overview {
  readonly servers: ServerState[]
  readonly quarantined: readonly { readonly id: string; readonly reason: string }[]
}

/** A gateway in a process of its own, with its operator's ways to look at it and to change it. */
export interface FleetGateway {
  readonly url: string
  readonly pid: number
  /** A token of a user with the role `reader`. */
  readonly token: (subject: string) => Promise<string>
  readonly states: () => Promise<ServerState[]>
  /** By name, all that is said of each server and of each document that is not in use. */
  readonly said: () => Promise<ReadonlyMap<string, string>>
  /** Replaces the registry file, as an editor would. */
  readonly write: (servers: Documents) => Promise<void>
  readonly manage: (server: string, action: 'start' | 'stop' | 'restart') => Promise<void>
  /** Ends it as a signal does. */
  readonly close: () => Promise<void>
}

/** Resolves when the gateway listens; its servers may be starting then. */
export async function spawnFleetGateway(documents: Documents): Promise<FleetGateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-fleet-'))
  const registry = join(dataDir, 'registry.yaml')
  const write = async (servers: Documents): Promise<void> => {
    await writeFile(`${registry}.next`, JSON.stringify({ servers }))
    await rename(`${registry}.next`, registry)
  }
  await write(documents)
  const issuer = await LocalIssuer.open({ dir: dataDir, clock: systemClock })
  const issue = (subject: string, roles: string[]): Promise<string> =>
    issuer.issue({ tenantId: 'local', subject, roles, ttlMs: 3_600_000 })
  const headers = { authorization: `Bearer ${await issue('operator', ['operator'])}` }
  const gateway = await spawnGateway({ DATA_DIR: dataDir })
  const url = await gateway.url()
  const overview = async (): Promise<Overview> =>
    (await (await fetch(`${url}/v1/servers`, { headers })).json()) as Overview
  return {
    url,
    pid: gateway.child.pid ?? 0,
    token: (subject) => issue(subject, ['reader']),
    states: async () => (await overview()).servers,
    said: async () => {
      const { servers, quarantined } = await overview()
      return new Map([
        ...servers.map(
          ({ name, reason = [], problems }) => [name, [reason, problems].flat().join('; ')] as const,
        ),
        ...quarantined.map(({ id, reason }) => [id, reason] as const),
      ])
    },
    write,
    manage: async (server, action) => {
      const { status } = await fetch(`${url}/v1/servers/${server}/${action}`, { method: 'POST', headers })
      if (status !== 200) throw new Error(`${action} of ${server} was answered ${status}`)
    },
    close: async () => {
      gateway.child.kill('SIGTERM')
      await gateway.exited
      await gateway.remove()
    },
  }
}
