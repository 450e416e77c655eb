import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import { pino } from 'pino'
import { Administration } from '../../src/audit/administration.ts'
import { sendProblem } from '../../src/rest/problem.ts'
import { serverWriteRoutes } from '../../src/rest/management/server-writes.ts'
import { Catalog } from '../../src/catalog/catalog.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { toGatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { type ServerDefinition, serverKey } from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT } from '../../src/domain/snapshot.ts'
import { FileStore } from '../../src/registry/file/file-store.ts'
import type { Upstreams } from '../../src/upstream/upstreams.ts'
import { silentLogger } from './silent-logger.ts'

export interface RegistryAnswer {
  readonly status: number
  readonly etag: string
  readonly location: string | null
  readonly body: JsonObject
}

/** The routes that write servers over real HTTP, on a registry file, without the rest of a gateway. */
export interface RegistryApi {
  readonly path: string
  /** One request as somebody of tenant `acme`, by default with the role operator; `root` is the platform's. */
  readonly ask: (
    method: string,
    name: string,
    options?: { body?: unknown; etag?: string; roles?: string },
  ) => Promise<RegistryAnswer>
  /** An entry as it stands in the file. */
  readonly stored: (name: string) => Promise<unknown>
  readonly log: () => string
  readonly close: () => Promise<void>
}

export async function startRegistryApi(
  registry: object,
  { maxServers, discovered }: { maxServers?: number; discovered?: ServerDefinition } = {},
): Promise<RegistryApi> {
  const folder = await mkdtemp(join(tmpdir(), 'server-writes-'))
  const path = join(folder, 'registry.json')
  await writeFile(path, JSON.stringify(registry))
  let log = ''
  const app = express()
  app.use((request, response, next) => {
    const roles = (request.get('x-roles') ?? 'operator').split(',')
    const principal = {
      tenantId: 'acme',
      subject: 'ann',
      agent: undefined,
      roles,
      scopes: [],
      issuer: 'test',
      expiresAtMs: 0,
    }
    response.locals.identity = { principal, requestId: 'r1' }
    next()
  })
  app.use(express.json())
  const none: Pick<Upstreams, 'status'> = { status: () => undefined }
  app.use(
    '/v1',
    serverWriteRoutes({
      registryStore: new FileStore({ path, defaultTenant: 'acme', clock: systemClock }),
      catalog: catalogWith(discovered),
      upstreams: none as Upstreams,
      logger: pino({ level: 'info' }, { write: (line: string) => void (log += line) }),
      platformAdminRole: 'root',
      publicUrl: 'http://127.0.0.1:8080',
      acts: unrecorded(),
      maxServersOf: (tenantId) => (tenantId === 'acme' ? maxServers : undefined),
    }),
  )
  const onError: express.ErrorRequestHandler = (error, _request, response, _next) =>
    sendProblem(response, toGatewayError(error), 'r1')
  app.use(onError)
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1/servers`
  return {
    path,
    ask: (method, name, options = {}) => ask(url, method, name, options),
    stored: async (name) =>
      (JSON.parse(await readFile(path, 'utf8')) as { servers: Record<string, unknown> }).servers[name],
    log: () => log,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true })
    },
  }
}

/** Records of acts go nowhere. */
function unrecorded(): Administration {
  const log = {
    reserve: () => undefined,
    release: () => undefined,
    record: () => undefined,
    flushWithin: () => Promise.resolve(true),
  }
  return new Administration({ log, clock: systemClock, logger: silentLogger })
}

function catalogWith(discovered: ServerDefinition | undefined): Catalog {
  const catalog = new Catalog()
  if (discovered !== undefined) {
    const servers = new Map([[serverKey(discovered), discovered]])
    catalog.applySnapshot({ ...EMPTY_SNAPSHOT, generation: 1, servers })
  }
  return catalog
}

async function ask(
  url: string,
  method: string,
  name: string,
  options: { body?: unknown; etag?: string; roles?: string },
): Promise<RegistryAnswer> {
  const response = await fetch(`${url}${name === '' ? '' : `/${name}`}`, {
    method,
    headers: {
      ...(options.roles !== undefined && { 'x-roles': options.roles }),
      ...(options.etag !== undefined && { 'if-match': options.etag }),
      ...(options.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    etag: response.headers.get('etag') ?? '',
    location: response.headers.get('location'),
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  }
}
