import { type AuthClient, GoogleAuth } from 'google-auth-library'
import { messageOf } from '../domain/errors/errors.ts'
import { isJsonObject } from '../domain/json/json.ts'

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
/** gRPC status UNAUTHENTICATED: the client libraries pass it on at once instead of trying for a minute. */
const UNAUTHENTICATED = 16
/** How long a start waits for the first token. */
const FIRST_TOKEN_MS = 2000
const MAX_REASON = 300

/** Credentials of Google Cloud that cannot be used. The message has no part of a key. */
export class GoogleCredentialsError extends Error {
  override readonly name = 'GoogleCredentialsError'
  readonly code = UNAUTHENTICATED

  constructor(cause: unknown) {
    super(
      `the credentials of Google Cloud cannot be used (${credentialProblem(cause)}); set GOOGLE_APPLICATION_CREDENTIALS to a ` +
        'key file, or run where a service account is available',
    )
  }
}

/**
 * Finds the credentials of the environment before a client library does, because libraries do not report later
 * failures. A request without a token then fails at once, with the reason.
 * @throws GoogleCredentialsError if there are none, or none that can be used; an outage is not a reason
 */
export async function findGoogleCredentials(): Promise<GoogleAuth> {
  const auth = new GoogleAuth({ scopes: [SCOPE] })
  // As the client libraries have it: the key of a service account signs tokens itself.
  auth.useJWTAccessWithScope = true
  const client = await auth.getClient().catch((error: unknown) => {
    throw new GoogleCredentialsError(error)
  })
  await checkFirstToken(client)
  sayWhyAtOnce(client)
  return auth
}

async function checkFirstToken(client: AuthClient): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, FIRST_TOKEN_MS)
  try {
    await Promise.race([client.getRequestHeaders(), late])
  } catch (error) {
    if (isRefusal(error)) throw new GoogleCredentialsError(error)
  } finally {
    clearTimeout(timer)
  }
}

/** Whether it will be the same the next time: a key that cannot sign, or one that the token endpoint refuses. */
function isRefusal(error: unknown): boolean {
  if (!isJsonObject(error)) return false
  const { code, status } = error
  const isOfKey = typeof code === 'string' && code.startsWith('ERR_')
  return isOfKey || (typeof status === 'number' && status >= 400 && status < 500 && status !== 429)
}

function sayWhyAtOnce(client: AuthClient): void {
  const ask = client.getRequestHeaders.bind(client)
  client.getRequestHeaders = (url) =>
    ask(url).catch((error: unknown) => {
      throw new GoogleCredentialsError(error)
    })
}

function credentialProblem(cause: unknown): string {
  // The parser quotes what it does not understand, which may be a key.
  if (cause instanceof SyntaxError) return 'the key file is not JSON'
  return messageOf(cause).slice(0, MAX_REASON)
}
