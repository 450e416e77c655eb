import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { endsWithUs } from './ends-with-us.ts'
import { startsCompiled } from './compiled.ts'
import type { Documents } from './start-gateway.ts'

const PROGRAMS = join(import.meta.dirname, 'upstreams')
const ROLES = { requiredRoles: ['reader'] }

/** How one server over HTTP is to be. */
export interface HttpServerPlan {
  readonly era: 'legacy' | 'modern'
  readonly instances: number
  readonly fields?: Record<string, unknown>
}

/** The document of a stdio server that signs its answers with its name and process id. */
export function stdioDocument(name: string, ...behaviour: string[]): Record<string, unknown> {
  const args = [join(PROGRAMS, 'fleet-stdio.ts'), name, ...behaviour]
  return { ...startsCompiled, transport: 'stdio', command: process.execPath, args, ...ROLES }
}

/**
 * Starts servers over HTTP that sign their answers with their name and the port of the instance, all in one process.
 * Resolves with their documents, the ports of each, and what ends them.
 */
export async function startHttpServers(
  plans: Readonly<Record<string, HttpServerPlan>>,
): Promise<{ documents: Documents; ports: ReadonlyMap<string, readonly string[]>; close: () => void }> {
  const args = Object.entries(plans).map(([name, { era, instances }]) => `${name}:${era}:${instances}`)
  const child = spawn(process.execPath, [join(PROGRAMS, 'fleet-http.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  endsWithUs(child)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const urls = Object.entries(JSON.parse(line) as Record<string, string[]>)
  const documents = urls.map(([name, each]) => {
    const instances = each.map((url) => ({ url }))
    return [name, { transport: 'streamable-http', instances, ...ROLES, ...plans[name]?.fields }] as const
  })
  return {
    documents: Object.fromEntries(documents),
    ports: new Map(urls.map(([name, each]) => [name, each.map((url) => new URL(url).port)])),
    close: () => child.kill('SIGKILL'),
  }
}
