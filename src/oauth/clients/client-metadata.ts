/** The metadata of a client, as the provider checks it (RFC 7591 §2). */
type Metadata = Record<string, unknown>

const MAX_REDIRECT_URIS = 20
const MAX_URI = 2048
const MAX_NAME = 120
/** Nothing else of what a client says about itself is kept. */
const KEPT = new Set([
  'client_id',
  'client_id_issued_at',
  'client_name',
  'client_uri',
  'redirect_uris',
  'grant_types',
  'response_types',
  'application_type',
  'token_endpoint_auth_method',
  'id_token_signed_response_alg',
  'subject_type',
])

/**
 * Makes of what a client says about itself a public client: it proves itself by PKCE alone, gets codes and refresh
 * tokens, and redirects to https, to a private scheme, or to any port of loopback (RFC 8252 §7.3).
 * @param metadata is changed
 * @throws Error of `problem` for more than any client needs
 */
export function toPublicClient(metadata: Metadata, problem: (message: string) => Error): void {
  const { redirect_uris: uris, client_name: name } = metadata
  if (Array.isArray(uris)) checkUris(uris, problem)
  for (const key of Object.keys(metadata)) if (!KEPT.has(key)) delete metadata[key]
  Object.assign(metadata, {
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    id_token_signed_response_alg: 'ES256',
    subject_type: 'public',
  })
  if (typeof name === 'string') metadata['client_name'] = shownName(name)
}

function checkUris(uris: readonly unknown[], problem: (message: string) => Error): void {
  if (uris.length > MAX_REDIRECT_URIS)
    throw problem(`redirect_uris must not have more than ${MAX_REDIRECT_URIS} members`)
  if (uris.some((uri) => typeof uri === 'string' && uri.length > MAX_URI))
    throw problem(`redirect_uris must not be longer than ${MAX_URI} characters`)
}

/** A name as it may be shown: one line, without characters that change how others look. */
export function shownName(name: string): string {
  const line = name
    .slice(0, 4 * MAX_NAME)
    .normalize('NFKC')
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim()
  return line.slice(0, MAX_NAME).toWellFormed() || 'unnamed client'
}
