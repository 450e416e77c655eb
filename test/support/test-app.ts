import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import supertest from 'supertest'
import { type Assembly, assemble } from '../../src/assembly/assemble.ts'
import { loadSettings } from '../../src/config/load.ts'
import { type Clock, systemClock } from '../../src/domain/clock.ts'
import type { LocalTokenRequest } from '../../src/identity/local-issuer.ts'
import { Lifecycle } from '../../src/lifecycle.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { silentLogger } from './silent-logger.ts'
import { askRest, type Documents, type TestGateway } from './start-gateway.ts'

/** Every part of a gateway, over real HTTP on loopback, without its own listener and without waiting for servers. */
export interface TestApp extends Assembly {
  readonly request: ReturnType<typeof supertest>
  /** Where it can be reached; its PUBLIC_URL is another. */
  readonly url: string
  readonly dataDir: string
  readonly lifecycle: Lifecycle
  readonly token: (request?: Partial<LocalTokenRequest>) => Promise<string>
  readonly rest: TestGateway['rest']
  readonly close: () => Promise<void>
}

/**
 * @param servers the registry; with `undefined` it is not read
 */
export async function openTestApp(
  servers: Documents | undefined,
  {
    env = {},
    logger = silentLogger,
    onSignInLink = () => undefined,
    clock = systemClock,
  }: {
    env?: Record<string, string>
    logger?: Logger
    onSignInLink?: (url: string) => void
    clock?: Clock
  } = {},
): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-app-'))
  const settings = loadSettings({ DATA_DIR: dataDir, REGISTRY_FILE: join(dataDir, 'registry.json'), ...env })
  await writeFile(settings.registryFile, JSON.stringify({ servers }))
  const lifecycle = new Lifecycle({ clock })
  const metrics = new Metrics()
  lifecycle.onClose('metrics', () => metrics.close())
  const onServerState = (): void => undefined
  const runtime = {
    clock,
    random: Math.random,
    env: {},
    logger,
    metrics,
    lifecycle,
    ownStages: [],
    onServerState,
    onSignInLink,
  }
  const assembly = await assemble(settings, runtime)
  if (servers !== undefined) await assembly.control.start({ onFirst: () => undefined })
  const server = createServer(assembly.app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  return {
    ...assembly,
    request: supertest(url),
    url,
    dataDir,
    lifecycle,
    token: (request = {}) => {
      if (assembly.identity.localIssuer === undefined) throw new Error('there is no local issuer')
      const usual = { tenantId: 'local', subject: 'ann', roles: ['reader'], ttlMs: 600_000 }
      return assembly.identity.localIssuer.issue({ ...usual, ...request })
    },
    rest: (token, ...request) => askRest(url, token, ...request),
    close: async () => {
      server.close()
      server.closeAllConnections()
      await lifecycle.close(5000)
      await rm(dataDir, { recursive: true })
    },
  }
}
