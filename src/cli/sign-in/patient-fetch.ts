import { EnvHttpProxyAgent, fetch } from 'undici'

/** Event streams may be silent for as long as they like; proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
const dispatcher = new EnvHttpProxyAgent({ allowH2: false, bodyTimeout: 0, headersTimeout: 0 })

/** `fetch` for streams without an end. It follows no redirect: a token must not reach another address. */
export async function patientFetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const { method = 'GET', body, signal } = init
  const response = await fetch(url, {
    method,
    headers: Object.fromEntries(new Headers(init.headers)),
    redirect: 'manual',
    dispatcher,
    ...(typeof body === 'string' && { body }),
    ...(body instanceof URLSearchParams && { body: body.toString() }),
    ...(signal !== undefined && signal !== null && { signal }),
  })
  // Of the platform: the types of the two are not the same.
  const { status, statusText } = response
  const hasBody = status !== 204 && status !== 205 && status !== 304
  return new Response(hasBody ? response.body : null, { status, statusText, headers: [...response.headers] })
}
