import { type Json, jsonOf, PROTOCOL_VERSION } from './vs-code-http.ts'

/** What VS Code knows of a server before it opens a browser. */
export interface Discovered {
  /** The metadata of the authorization server. */
  readonly server: Json
  readonly resource: string
  readonly scopes: readonly string[] | undefined
}

/** Metadata of the resource, which has to be that address exactly, and of its first authorization server. */
export async function discover(url: string, challenged: Response): Promise<Discovered> {
  const challenge = challengeOf(challenged.headers.get('www-authenticate') ?? '')
  const metadata = await resourceMetadata(url, challenge['resource_metadata'])
  const servers = metadata['authorization_servers']
  const issuer: unknown = Array.isArray(servers) ? servers[0] : undefined
  if (typeof issuer !== 'string') throw new Error('the resource names no authorization server')
  const supported = metadata['scopes_supported'] as readonly string[] | undefined
  const scopes = challenge['scope']?.split(' ').filter((scope) => scope !== '')
  return {
    server: await serverMetadata(issuer),
    resource: String(metadata['resource']),
    scopes: scopes !== undefined && scopes.length > 0 ? scopes : supported,
  }
}

/** The parameters of the challenge of the scheme `Bearer`. */
function challengeOf(header: string): Record<string, string | undefined> {
  if (!header.startsWith('Bearer ')) throw new Error(`no challenge of the scheme Bearer: ${header}`)
  const params = [...header.slice(7).matchAll(/([\w-]+)="([^"]*)"/g)]
  return Object.fromEntries(params.map(([, name = '', value = '']) => [name, value]))
}

async function resourceMetadata(url: string, given: string | undefined): Promise<Json> {
  const { origin, pathname } = new URL(url)
  const wellKnown = `${origin}/.well-known/oauth-protected-resource`
  const places = given === undefined ? [`${wellKnown}${pathname}`, wellKnown] : [given]
  const errors: unknown[] = []
  for (const place of places)
    try {
      const headers = { accept: 'application/json', 'mcp-protocol-version': PROTOCOL_VERSION }
      const body = await jsonOf(await fetch(place, { headers }), place)
      checkResource(body, url)
      return body
    } catch (error) {
      errors.push(error)
    }
  throw new AggregateError(errors, `no metadata of the resource: ${errors.map(String).join('; ')}`)
}

/** As VS Code compares: whole addresses, normalized. */
function checkResource({ resource, scopes_supported: scopes }: Json, url: string): void {
  if (typeof resource !== 'string') throw new Error('the metadata has no resource')
  if (scopes !== undefined && !Array.isArray(scopes)) throw new Error('scopes_supported is no list')
  if (new URL(resource).href !== new URL(url).href)
    throw new Error(`the resource is ${resource} and not ${url}`)
}

async function serverMetadata(issuer: string): Promise<Json> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname === '/' ? '' : pathname
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`,
  ]
  for (const place of places) {
    const response = await fetch(place, { headers: { accept: 'application/json' } })
    if (response.status !== 200) continue
    const body = await jsonOf(response, place)
    if (isServerMetadata(body)) return body
  }
  throw new Error(`no metadata of the authorization server at ${places.join(', ')}`)
}

const ADDRESSES = ['issuer', 'authorization_endpoint', 'token_endpoint', 'registration_endpoint', 'jwks_uri']

function isServerMetadata(body: Json): boolean {
  const areAddresses = ADDRESSES.every((name) => {
    const value = body[name]
    return value === undefined || (typeof value === 'string' && /^https?:\/\//.test(value))
  })
  return typeof body['issuer'] === 'string' && areAddresses && Array.isArray(body['response_types_supported'])
}
