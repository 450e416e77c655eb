import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { choicesOf, documentOfServerJson, type ServerChoice } from '../../registry/clients/server-json.ts'
import type { Listing, McpRegistry } from '../../registry/official/mcp-registry.ts'
import type { PackageInstaller } from '../../upstream/packages/package-installer.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { bodyOf, decimal, queryOf } from '../query.ts'
import { requireRole } from '../require-role.ts'

const version = z.string().min(1).max(128).optional()

/** What the servers of the MCP registry are searched with. */
export const registryQuery = z.object({
  query: z.string().max(200).default('').describe('Part of the name'),
  limit: decimal(1, 100).default(30),
  cursor: z.string().min(1).max(1024).optional(),
})
/** Which version of a server is meant; the newest by default. */
export const registryVersionQuery = z.object({ version })
/** What was chosen and filled in of what a server offers. */
export const draftBody = z.strictObject({
  version,
  choice: z.int().min(0).max(100).default(0).describe('Position in `choices`'),
  name: z.string().max(40).optional().describe('By default made of the name in the registry'),
  values: z.record(z.string().max(200), z.string().max(8192)).default({}).describe('By names of `inputs`'),
})

/** What the routes of the MCP registry need. */
interface McpRegistryOptions {
  /** Undefined where the settings have none. */
  readonly mcpRegistry: McpRegistry | undefined
  readonly installer: Pick<PackageInstaller, 'check'>
}

/**
 * `/v1/registry/servers` for operators: the servers of the MCP registry, what each offers and asks for, and the request
 * that adds one to this gateway. Nothing is added here.
 */
export function mcpRegistryRoutes(options: McpRegistryOptions): Router {
  const router = Router()
  const operator = requireRole('operator')
  router.get('/registry/servers', operator, (request, response) => search(options, request, response))
  router.all('/registry/servers', methodNotAllowed('GET'))
  router.get('/registry/servers/:name', operator, (request, response) => show(options, request, response))
  router.post('/registry/servers/:name/draft', operator, (request, response) =>
    draft(options, request, response),
  )
  return router
}

async function search(options: McpRegistryOptions, request: Request, response: Response): Promise<void> {
  const wanted = queryOf(registryQuery, request)
  const { servers, nextCursor } = await registryOf(options).search(wanted, endOf(response))
  response.json({
    servers: servers.map((listed) => ({ ...shown(listed), ...offered(options, listed) })),
    ...(nextCursor !== undefined && { nextCursor }),
  })
}

async function show(options: McpRegistryOptions, request: Request, response: Response): Promise<void> {
  const { version: wanted } = queryOf(registryVersionQuery, request)
  const listed = await registryOf(options).find(String(request.params['name']), wanted, endOf(response))
  response.json({ ...shown(listed), ...offered(options, listed), serverJson: listed.serverJson })
}

async function draft(options: McpRegistryOptions, request: Request, response: Response): Promise<void> {
  const { version: wanted, choice, name, values } = bodyOf(draftBody, request)
  const listed = await registryOf(options).find(String(request.params['name']), wanted, endOf(response))
  const { choices, unusable } = choicesIn(listed)
  const chosen = choices[choice]
  if (chosen === undefined)
    throw new GatewayError(
      'invalid_request',
      choices.length === 0
        ? `The server offers nothing that the gateway can use, but ${unusable.join(', ') || 'nothing'}`
        : `choice: expected at most ${choices.length - 1}`,
    )
  const isInstalled = mayInstall(options, chosen)
  const { document, missing, notes } = documentOfServerJson(listed.serverJson, {
    choice,
    values,
    isInstalled,
    ...(name !== undefined && { name }),
  })
  response.json({
    document,
    request: isInstalled
      ? installation(chosen, document)
      : { method: 'POST', path: '/v1/servers', body: document },
    missing,
    notes,
  })
}

/** A package that may be installed is: it starts at once then, in the version that was looked at. */
function installation(chosen: ServerChoice, given: JsonObject): JsonObject {
  const { name, transport: _transport, package: _package, ...document } = given
  const body = {
    package: chosen.package,
    ...(chosen.version !== undefined && { version: chosen.version }),
    name,
    document,
  }
  return { method: 'POST', path: '/v1/servers/install', body }
}

function mayInstall({ installer }: McpRegistryOptions, chosen: ServerChoice): boolean {
  if (chosen.package === undefined) return false
  try {
    installer.check(chosen.package, chosen.version)
    return true
  } catch {
    return false
  }
}

function shown({ serverJson: _serverJson, ...listed }: Listing): JsonObject {
  return Object.fromEntries(Object.entries(listed).filter(([, value]) => value !== undefined))
}

function offered(options: McpRegistryOptions, listed: Listing): JsonObject {
  try {
    const { choices, unusable } = choicesIn(listed)
    return {
      choices: choices.map((choice) => ({ ...choice, isInstalled: mayInstall(options, choice) })),
      unusable,
    }
  } catch (error) {
    return { choices: [], unusable: [messageOf(error)] }
  }
}

function choicesIn({ serverJson }: Listing): ReturnType<typeof choicesOf> {
  try {
    return choicesOf(serverJson)
  } catch {
    throw new GatewayError(
      'mcp_registry_unavailable',
      'The registry describes this server in an unknown form',
    )
  }
}

function registryOf({ mcpRegistry }: McpRegistryOptions): McpRegistry {
  if (mcpRegistry !== undefined) return mcpRegistry
  throw new GatewayError('not_found', 'This gateway searches no MCP registry (MCP_REGISTRY_URL)')
}

function endOf(response: Response): AbortSignal {
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  return abort.signal
}
