import { createHash, randomBytes } from 'node:crypto'
import type { CookieBrowser, Shown } from './cookie-browser.ts'

type Json = Record<string, unknown>

/** The answer of an endpoint of the authorization server. */
export interface Answer {
  readonly status: number
  readonly body: Json
}

/** One request for a code, and what redeems it. */
export interface Flow {
  readonly url: URL
  readonly verifier: string
  readonly state: string
}

export const REDIRECT_URI = 'http://127.0.0.1:33418/callback'

/** Registers a client, as one of 2025 does. */
export async function register(issuer: string, metadata: Json = {}): Promise<Answer> {
  const body = {
    client_name: 'Probe',
    redirect_uris: [REDIRECT_URI],
    token_endpoint_auth_method: 'none',
    ...metadata,
  }
  const response = await fetch(`${issuer}/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Json }
}

/** The client id of a new client. */
export async function newClient(issuer: string, metadata: Json = {}): Promise<string> {
  return String((await register(issuer, metadata)).body['client_id'])
}

/** A request for a code. @param changes parameters to change; undefined leaves one out */
export function codeRequest(
  issuer: string,
  clientId: string,
  changes: Record<string, string | undefined> = {},
): Flow {
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(8).toString('base64url')
  const params = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: REDIRECT_URI,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    resource: `${issuer}/mcp`,
    state,
    ...changes,
  }
  const url = new URL(`${issuer}/oauth/authorize`)
  for (const [name, value] of Object.entries(params))
    if (value !== undefined) url.searchParams.set(name, value)
  return { url, verifier, state }
}

/** Asks the token endpoint. */
export async function askToken(issuer: string, params: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${issuer}/oauth/token`, { method: 'POST', body: new URLSearchParams(params) })
  return { status: response.status, body: (await response.json()) as Json }
}

/** Redeems the code that a browser was sent back with. */
export async function redeem(
  issuer: string,
  options: { clientId: string; flow: Flow; back: Shown; changes?: Record<string, string> },
): Promise<Answer> {
  const { clientId, flow, back, changes = {} } = options
  return await askToken(issuer, {
    grant_type: 'authorization_code',
    client_id: clientId,
    code: back.url.searchParams.get('code') ?? '',
    redirect_uri: flow.url.searchParams.get('redirect_uri') ?? '',
    code_verifier: flow.verifier,
    ...changes,
  })
}

/** The whole way of a client: registration, consent in the browser, tokens. */
export async function approvedClient(
  issuer: string,
  browser: CookieBrowser,
  metadata: Json = {},
): Promise<{ clientId: string; tokens: Json }> {
  const clientId = await newClient(issuer, metadata)
  const flow = codeRequest(issuer, clientId)
  const back = await browser.submit(await browser.open(flow.url), { decision: 'allow' })
  const { body: tokens } = await redeem(issuer, { clientId, flow, back })
  return { clientId, tokens }
}

/** Signs a browser in by a one-time link. */
export async function signIn(browser: CookieBrowser, link: string | undefined): Promise<void> {
  await browser.submit(await browser.open(link ?? ''))
}
