import { z } from 'zod'
import { resourceLimits, sandbox } from './confinement.ts'
import { agentAllowlist, documentName, documentOwner, requiredRoles } from './document-fields.ts'
import { parsePackage } from './npm-package.ts'
import { secretProblems } from './secret-reference.ts'
import { httpUrl } from './auth-fields.ts'
import { checkForwarding, forwardedNames, headerFields, serverAuth } from './server-auth.ts'
import { serverApproval } from './tool-approval.ts'
import { toolEntries, type ToolOverride } from './tool-entries.ts'

/** Names of the servers that exist inside the gateway only. */
const BUILTIN_SERVERS: ReadonlySet<unknown> = new Set(['gateway', 'pipeline'])

/** Whether a server of that name is the gateway's own, so that no document may have it. */
export function isBuiltinName(name: unknown): boolean {
  return BUILTIN_SERVERS.has(name)
}

const seconds = (count: number): number => count * 1000
const durationMs = (max: number): z.ZodNumber => z.int().min(1).max(max)
/** A period in milliseconds. It has a minimum, because each repetition costs the gateway and a server something. */
const periodMs = (max: number): z.ZodNumber => z.int().min(1000).max(max)
const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'not a legal variable name'),
  z.string().refine((text) => !text.includes('\0'), 'must not contain NUL'),
)

const clientCapability = z.enum(['elicitation', 'sampling', 'roots'])

/** Fields of every kind of server. */
const shared = {
  name: documentName,
  tenantId: documentOwner,
  enabled: z.boolean().default(true),
  description: z.string().max(4000).optional(),
  requiredRoles: requiredRoles.optional(),
  agentAllowlist: agentAllowlist.optional(),
  tools: toolEntries.optional(),
  /** What happens when the definition of a tool changes, or a tool is added; TOOL_CHANGES by default. */
  toolChanges: z.enum(['allow', 'alert', 'hold']).optional(),
  approval: serverApproval.optional(),
  sharing: z.enum(['tenant', 'session', 'global']).default('tenant'),
  era: z.enum(['auto', 'legacy', 'modern']).default('auto'),
  /**
   * What the server may ask of the clients behind the gateway, if they can do it. Roots are not among the defaults:
   * a file server takes a client's roots for the folders that it may touch.
   */
  clientCapabilities: z.array(clientCapability).max(3).default(['elicitation', 'sampling']),
  timeoutMs: durationMs(seconds(300)).optional(),
  /**
   * With each progress notification `timeoutMs` begins again, up to this for the whole call. By default it does not.
   */
  maxTotalMs: durationMs(seconds(3600)).optional(),
  catalogTtlMs: periodMs(seconds(86_400)).default(seconds(300)),
  lifecycle: z
    .strictObject({
      autoStart: z.boolean().default(true),
      restartOnFailure: z.boolean().default(true),
      maxRestarts: z.int().min(0).max(1000).default(10),
      startTimeoutMs: z.int().min(1000).max(seconds(3600)).optional(),
    })
    .prefault({}),
  pool: z
    .strictObject({
      min: z.int().min(0).max(100).optional(),
      max: z.int().min(1).max(100).optional(),
      maxConcurrentPerInstance: z.int().min(1).max(10_000).optional(),
      queueLimit: z.int().min(0).max(100_000).optional(),
      queueTimeoutMs: durationMs(seconds(300)).optional(),
      idleMs: periodMs(seconds(86_400)).default(seconds(600)),
    })
    .prefault({}),
  /** By default `round_robin` over HTTP and `least_in_flight` among processes. */
  loadBalancing: z.enum(['round_robin', 'least_in_flight', 'weighted', 'consistent_hash']).optional(),
  stickySessions: z.boolean().default(false),
  healthCheck: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Asked with GET, next to each instance's URL; without it the connection itself is used. */
      path: z
        .string()
        .startsWith('/')
        .max(2048)
        .regex(/^(?!\/\/)[\x21-\x7e]*$/, 'expected a path without spaces, and a single "/" first')
        .optional(),
      intervalMs: periodMs(seconds(3600)).default(seconds(30)),
      timeoutMs: durationMs(seconds(60)).default(seconds(5)),
      unhealthyAfter: z.int().min(1).max(100).default(3),
      healthyAfter: z.int().min(1).max(100).default(1),
    })
    .prefault({}),
  retry: z
    .strictObject({
      /** How often a call is sent at most, the first time included. */
      maxAttempts: z.int().min(1).max(10).default(3),
      baseDelayMs: durationMs(seconds(10)).default(100),
      maxDelayMs: durationMs(seconds(60)).default(seconds(2)),
    })
    .prefault({}),
  circuitBreaker: z
    .strictObject({
      enabled: z.boolean().default(true),
      /** Failures in a row that open it. */
      failureThreshold: z.int().min(1).max(10_000).default(5),
      /** It also opens when a larger part of at least `minimumCalls` within `windowMs` failed. */
      errorPercentage: z.int().min(1).max(99).default(50),
      minimumCalls: z.int().min(1).max(10_000).default(20),
      windowMs: periodMs(seconds(3600)).default(seconds(60)),
      recoveryTimeoutMs: durationMs(seconds(3600)).default(seconds(10)),
    })
    .prefault({}),
  rateLimit: z
    .strictObject({
      calls: z.int().min(1).max(10_000_000),
      perMs: durationMs(seconds(86_400)).default(seconds(60)),
      /** Who shares one allowance. */
      per: z.enum(['principal', 'tenant', 'server']).default('principal'),
    })
    .optional(),
  /** The server whose tools of the same name stand in while this one cannot be reached. */
  fallback: documentName.optional(),
  maxConcurrency: z.int().min(1).max(100_000).optional(),
}

const argument = z
  .string()
  .max(32_768)
  .refine((text) => !text.includes('\0'), 'must not contain NUL')

const stdioServer = z
  .strictObject({
    ...shared,
    transport: z.literal('stdio'),
    command: argument.min(1).optional(),
    package: z
      .string()
      .refine((text) => parsePackage(text) !== undefined, 'not an npm package: expected name or name@1.2.3')
      .optional(),
    args: z.array(argument).max(1000).default([]),
    cwd: argument.min(1).optional(),
    env: environment.default({}),
    limits: resourceLimits.optional(),
    sandbox: sandbox.optional(),
  })
  .refine((server) => (server.command === undefined) !== (server.package === undefined), {
    path: ['command'],
    message: 'give either command or package',
  })

const httpServer = z
  .strictObject({
    ...shared,
    transport: z.enum(['streamable-http', 'sse', 'http']),
    url: httpUrl.optional(),
    instances: z
      .array(z.strictObject({ url: httpUrl, weight: z.int().min(1).max(1000).default(1) }))
      .min(1)
      .max(100)
      .optional(),
    headers: headerFields.default({}),
    /** Headers of callers that the server gets with their calls. */
    forwardHeaders: forwardedNames.optional(),
    auth: serverAuth.default({ kind: 'none' }),
  })
  .superRefine(checkForwarding)
  .refine((server) => (server.url === undefined) !== (server.instances === undefined), {
    path: ['url'],
    message: 'give either url or instances',
  })

/** A registry document: what an operator writes about one server. */
export const serverDocumentSchema = z
  .discriminatedUnion('transport', [stdioServer, httpServer])
  .superRefine((server, context) => {
    for (const problem of secretProblems(server)) context.addIssue({ code: 'custom', ...problem })
  })

/** The part of a document that decides who may use the server; when it is invalid the server is hidden. */
export const accessPartSchema = z.object({
  tenantId: shared.tenantId,
  enabled: shared.enabled,
  requiredRoles: shared.requiredRoles,
  agentAllowlist: shared.agentAllowlist,
  tools: shared.tools,
  toolChanges: shared.toolChanges,
  approval: shared.approval,
})

/** Whether a server is reached over HTTP. */
export function isHttp(server: ServerDefinition): server is HttpServerDefinition {
  return server.transport !== 'stdio' && server.transport !== 'builtin'
}

/** The addresses of the instances of a server. */
export function urlsOf({ url, instances = [] }: HttpServerDefinition): string[] {
  return url === undefined ? instances.map((instance) => instance.url) : [url]
}

const builtinServer = z.strictObject({ ...shared, transport: z.literal('builtin') })

/** Set where no document describes the server: a cluster does. */
export interface Discovered {
  readonly isDiscovered?: true
}

/** A server that exists inside the gateway only: no document describes it, and nothing is ever started for it. */
export type BuiltinDefinition = z.output<typeof builtinServer> & Discovered
/** A checked document of `servers`, of any transport, with defaults filled in. */
type UpstreamDefinition = z.output<typeof serverDocumentSchema> & Discovered
/** The definition of a server that is reached over HTTP. */
export type HttpServerDefinition = Exclude<UpstreamDefinition, { transport: 'stdio' }>
/** A server that callers can use. */
export type ServerDefinition = UpstreamDefinition | BuiltinDefinition

/**
 * The definition of a server of the gateway's own, with defaults filled in.
 * @param fields.name one that `isBuiltinName`
 * @param fields.tools overrides by the name of the tool; not checked, because each document of many has been already
 */
export function builtinDefinition({
  tools,
  ...fields
}: Omit<z.input<typeof builtinServer>, 'transport' | 'tools'> & {
  tools?: Readonly<Record<string, ToolOverride>>
}): BuiltinDefinition {
  const definition = builtinServer.parse({ transport: 'builtin', ...fields })
  return { ...definition, ...(tools !== undefined && { tools }) }
}
/** A capability of clients that an operator may let a server use. */
export type ClientCapability = z.output<typeof clientCapability>

/** Identity of a server across the registry: `<tenantId>/<name>`. */
export type ServerKey = string

/** The key of a server, which its name alone is not: two tenants may use the same one. */
export function serverKey(server: { readonly tenantId: string; readonly name: string }): ServerKey {
  return `${server.tenantId}/${server.name}`
}

/** Fields of a valid document that do nothing for such a server, each as a sentence for the operator. */
export function withoutEffect(server: ServerDefinition): string[] {
  const isStdio = server.transport === 'stdio'
  const fields = [
    ...(!isStdio && server.pool.min !== undefined ? ['pool.min'] : []),
    ...(!isStdio && server.pool.max !== undefined ? ['pool.max'] : []),
    ...(isStdio && server.healthCheck.path !== undefined ? ['healthCheck.path'] : []),
  ]
  const overrides = Object.values(server.tools ?? {}).flatMap((tool) => (Array.isArray(tool) ? [] : [tool]))
  return [
    ...fields.map((field) => `${field} has no effect on a server with transport ${server.transport}`),
    ...replacedHeaders(server).map((name) => `headers.${name} has no effect, because auth sets that header`),
    ...(server.fallback === server.name
      ? ['fallback has no effect, because it names the server itself']
      : []),
    ...(server.sharing === 'session' && overrides.some(({ cacheTtlMs }) => cacheTtlMs !== undefined)
      ? ['tools.*.cacheTtlMs has no effect on a server with sharing session']
      : []),
  ]
}

/** Names of `headers` in whose place stands what `auth` sets. */
function replacedHeaders(server: ServerDefinition): string[] {
  if (!isHttp(server) || server.auth.kind === 'none') return []
  const set = server.auth.kind === 'headers' ? Object.keys(server.auth.headers) : ['authorization']
  const names = new Set(set.map((name) => name.toLowerCase()))
  return Object.keys(server.headers).filter((name) => names.has(name.toLowerCase()))
}
