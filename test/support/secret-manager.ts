import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import {
  credentials,
  loadPackageDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceClientConstructor,
  status,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

const require = createRequire(import.meta.url)

/** `null`: disabled. */
type Version = string | Buffer | null
type Access = ServerUnaryCall<{ name: string }, unknown>
type Create = ServerUnaryCall<{ parent: string; secretId: string }, unknown>
type Add = ServerUnaryCall<{ parent: string; payload: { data: Buffer } }, unknown>

/** A Secret Manager on loopback that speaks the protocol of the client library's own definitions. */
export interface FakeSecretManager {
  readonly port: number
  /** For the constructor of the client, which then needs no credentials. */
  readonly clientOptions: {
    apiEndpoint: string
    port: number
    sslCreds: ReturnType<typeof credentials.createInsecure>
  }
  /** Versions of each secret by id, the first being version 1. */
  readonly secrets: Map<string, Version[]>
  /** Ids that the caller may neither read nor create. */
  readonly denied: Set<string>
  /** Names of versions that were asked for. */
  readonly calls: string[]
  /** Every call fails with this status; `hang`: none is answered. */
  outage: status | 'hang' | undefined
  close(): Promise<void>
}

export async function startSecretManager(options: { port?: number } = {}): Promise<FakeSecretManager> {
  const server = new Server()
  const respond = (callback: sendUnaryData<unknown>, answered: () => void): void => {
    if (fake.outage === 'hang') return
    if (fake.outage !== undefined) callback({ code: fake.outage, details: 'outage' })
    else answered()
  }
  server.addService(serviceOf(), {
    accessSecretVersion: (call: Access, callback: sendUnaryData<unknown>) => {
      const { name } = call.request
      fake.calls.push(name)
      respond(callback, () => answer(fake, name, callback))
    },
    createSecret: (call: Create, callback: sendUnaryData<unknown>) =>
      respond(callback, () => create(fake, call.request, callback)),
    addSecretVersion: (call: Add, callback: sendUnaryData<unknown>) =>
      respond(callback, () => add(fake, call.request, callback)),
  })
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    )
  })
  const fake: FakeSecretManager = {
    port,
    clientOptions: { apiEndpoint: '127.0.0.1', port, sslCreds: credentials.createInsecure() },
    secrets: new Map(),
    denied: new Set(),
    calls: [],
    outage: undefined,
    close: () => {
      server.forceShutdown()
      return Promise.resolve()
    },
  }
  return fake
}

function create(
  fake: FakeSecretManager,
  { parent, secretId }: Create['request'],
  callback: sendUnaryData<unknown>,
): void {
  if (fake.denied.has(secretId)) {
    callback({ code: status.PERMISSION_DENIED, details: `Permission denied on ${secretId}` })
  } else if (fake.secrets.has(secretId)) {
    callback({ code: status.ALREADY_EXISTS, details: `Secret [${secretId}] already exists` })
  } else {
    fake.secrets.set(secretId, [])
    callback(null, { name: `${parent}/secrets/${secretId}` })
  }
}

function add(
  fake: FakeSecretManager,
  { parent, payload }: Add['request'],
  callback: sendUnaryData<unknown>,
): void {
  const versions = fake.secrets.get(parent.split('/').at(-1) ?? '')
  if (versions === undefined) return callback({ code: status.NOT_FOUND, details: `${parent} not found` })
  versions.push(payload.data)
  callback(null, { name: `${parent}/versions/${versions.length}` })
}

function answer(fake: FakeSecretManager, name: string, callback: sendUnaryData<unknown>): void {
  const [, project, id = '', wanted] =
    /^projects\/([^/]+)\/secrets\/([^/]+)\/versions\/([^/]+)$/.exec(name) ?? []
  const versions = fake.secrets.get(id) ?? []
  const number = wanted === 'latest' ? versions.length : Number(wanted)
  const version = versions[number - 1]
  if (fake.denied.has(id)) {
    callback({ code: status.PERMISSION_DENIED, details: `Permission denied on ${name}` })
  } else if (version === undefined) {
    callback({ code: status.NOT_FOUND, details: `Secret [${name}] not found` })
  } else if (version === null) {
    callback({ code: status.FAILED_PRECONDITION, details: `Secret version ${name} is in DISABLED state` })
  } else {
    callback(null, {
      name: `projects/${project}/secrets/${id}/versions/${number}`,
      payload: { data: Buffer.from(version) },
    })
  }
}

function serviceOf(): ServiceClientConstructor['service'] {
  const manifest = require.resolve('@google-cloud/secret-manager/package.json')
  const own = join(dirname(manifest), 'build/protos')
  const shared = join(dirname(createRequire(manifest).resolve('google-gax')), '../protos')
  const definition = loadPackageDefinition(
    loadSync('google/cloud/secretmanager/v1/service.proto', {
      includeDirs: [own, shared],
      longs: String,
      enums: String,
      defaults: true,
    }),
  )
  const path = ['google', 'cloud', 'secretmanager', 'v1', 'SecretManagerService']
  let found: unknown = definition
  for (const name of path) found = (found as Record<string, unknown>)[name]
  return (found as ServiceClientConstructor).service
}
