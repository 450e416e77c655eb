import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LocalTokenRequest } from '../../src/identity/local-issuer.ts'
import { loadSettings } from '../../src/config/load.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import type { Outbound } from '../../src/outbound/outbound.ts'
import type { Logger } from '../../src/telemetry/logger.ts'
import { checkDescribed } from './shared/described-response.ts'
import { eventually } from './eventually.ts'
import { silentLogger } from './silent-logger.ts'

export type Documents = Record<string, Record<string, unknown>>

/** A real gateway in this process, on a free port, with its data in a folder of its own. */
export interface TestGateway {
  readonly gateway: Gateway
  readonly url: string
  readonly dataDir: string
  /** Replaces the registry file, as an editor would. */
  readonly writeRegistry: (servers: Documents, rules?: Documents, pipelines?: Documents) => Promise<void>
  readonly token: (request?: Partial<LocalTokenRequest>) => Promise<string>
  /** One REST request; the body is parsed JSON. */
  readonly rest: (
    token: string | undefined,
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; headers: Headers; body: Record<string, unknown> }>
  readonly close: () => Promise<void>
}

/**
 * @param options.wait false to return before the servers are ready
 * @param options.tenants the file's section of that name
 * @param options.rules its section `enhancement_rules`
 * @param options.pipelines its section of that name
 */
export async function startTestGateway(
  servers: Documents,
  options: {
    env?: Record<string, string>
    wait?: boolean
    tenants?: Documents
    rules?: Documents
    pipelines?: Documents
    logger?: Logger
    documents?: Outbound
  } = {},
): Promise<TestGateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-test-'))
  const registryFile = join(dataDir, 'registry.json')
  const writeRegistry = async (
    documents: Documents,
    rules = options.rules,
    pipelines = options.pipelines,
  ): Promise<void> => {
    const content = { servers: documents, tenants: options.tenants, enhancement_rules: rules, pipelines }
    await writeFile(`${registryFile}.next`, JSON.stringify(content))
    await rename(`${registryFile}.next`, registryFile)
  }
  await writeRegistry(servers)
  const settings = loadSettings({
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    REGISTRY_FILE: registryFile,
    ...options.env,
  })
  const gateway = await startGateway(settings, {
    logger: options.logger ?? silentLogger,
    ...(options.documents !== undefined && { documents: options.documents }),
  })
  const expected = Object.values(servers).filter(({ enabled }) => enabled !== false).length
  if (options.wait !== false) {
    await eventually(() => gateway.statuses().filter(({ state }) => state === 'ready').length === expected, {
      what: `${expected} ready servers`,
    })
  }
  return {
    gateway,
    url: gateway.url,
    dataDir,
    writeRegistry,
    token: (request = {}) => {
      if (gateway.localIssuer === undefined) throw new Error('this gateway has no local issuer')
      return gateway.localIssuer.issue({
        tenantId: 'local',
        subject: 'ann',
        roles: ['reader'],
        ttlMs: 600_000,
        ...request,
      })
    },
    rest: (token, ...request) => askRest(gateway.url, token, ...request),
    close: async () => {
      await gateway.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** One request; the body of the answer is parsed JSON, and as the document of the API describes it. */
export async function askRest(
  url: string,
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: Record<string, unknown> }> {
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const parsed = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  const contentType = response.headers.get('content-type') ?? ''
  checkDescribed({ method, path, status: response.status, contentType, body: parsed })
  return { status: response.status, headers: response.headers, body: parsed }
}
