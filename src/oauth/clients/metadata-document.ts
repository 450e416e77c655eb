import { lookup } from 'node:dns/promises'
import { request } from 'node:https'
import { isIP } from 'node:net'
import type { IncomingMessage } from 'node:http'
import { isPublicAddress } from '../../domain/public-address.ts'
import { boundedText } from '../../domain/text/bounded-text.ts'

const TIMEOUT_MS = 5000
const MAX_BYTES = 64 * 1024

/** How metadata documents are reached. */
export interface DocumentAccess {
  /** All addresses of a host. */
  readonly resolve: (host: string) => Promise<readonly { address: string; family: number }[]>
  readonly isAllowed: (address: string) => boolean
  /** Certificates that count beside those of the system. */
  readonly ca?: string
}

/** The access to documents of the public internet. */
const PUBLIC_ACCESS: DocumentAccess = {
  resolve: (host) => lookup(host, { all: true }),
  isAllowed: isPublicAddress,
}

/**
 * The metadata document of a client (OAuth Client ID Metadata Document): over https, from a public address, which was
 * looked up once and is the one that is connected to, without redirects, JSON of at most 64 KiB within 5 seconds.
 * @throws Error saying what is wrong
 */
export async function fetchDocument(
  address: string,
  access: DocumentAccess = PUBLIC_ACCESS,
): Promise<string> {
  const url = new URL(address)
  if (url.protocol !== 'https:') throw new Error('a metadata document is served over https')
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const pinned = await withSignal(pinnedAddress(url.hostname, access), signal)
  const response = await get(url, { pinned, signal, ca: access.ca })
  try {
    return await textOf(response)
  } finally {
    response.destroy()
  }
}

async function pinnedAddress(
  hostname: string,
  { resolve, isAllowed }: DocumentAccess,
): Promise<{ address: string; family: number }> {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const literal = isIP(host)
  const found = literal === 0 ? await resolve(host) : [{ address: host, family: literal }]
  const [first] = found
  // One private address among public ones is how a name is made to lead inside later.
  if (first === undefined || !found.every(({ address }) => isAllowed(address)))
    throw new Error(`${host} is not on the public internet`)
  return first
}

function get(
  url: URL,
  options: { pinned: { address: string; family: number }; signal: AbortSignal; ca: string | undefined },
): Promise<IncomingMessage> {
  const { pinned, signal, ca } = options
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sent = request(url, {
    // Without an agent, so that no connection to another address is reused.
    agent: false,
    ...(ca !== undefined && { ca }),
    headers: { accept: 'application/json', 'user-agent': 'tool-gateway' },
    lookup: (_host, wanted, done) => {
      if (wanted.all === true) done(null, [pinned])
      else done(null, pinned.address, pinned.family)
    },
    signal,
  })
  sent.once('response', resolve).once('error', reject).end()
  return promise
}

async function textOf(response: IncomingMessage): Promise<string> {
  const { statusCode, headers } = response
  if (statusCode !== 200) throw new Error(`it answered with status ${statusCode}`)
  if (!/^application\/([\w.-]+\+)?json\b/i.test(headers['content-type'] ?? ''))
    throw new Error('it is not JSON')
  const text = await boundedText(response as AsyncIterable<Buffer>, MAX_BYTES)
  if (text === undefined) throw new Error(`it has more than ${MAX_BYTES} bytes`)
  return text
}

function withSignal<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(new Error('it took too long')), { once: true })
  return Promise.race([work, promise])
}
