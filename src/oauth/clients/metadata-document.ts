import { boundedText, chunksOf } from '../../domain/text/bounded-text.ts'
import type { Outbound } from '../../outbound/outbound.ts'

const TIMEOUT_MS = 5000
const MAX_BYTES = 64 * 1024
/** Of what is read, which shows that there is more than allowed. */
const LIMIT_BYTES = 2 * MAX_BYTES

/**
 * The metadata document of a client (OAuth Client ID Metadata Document): over https, without redirects, JSON of at most
 * 64 KiB within 5 seconds.
 * @param outbound the policy for addresses that third parties name
 * @throws Error saying what is wrong
 */
export async function fetchDocument(address: string, outbound: Outbound): Promise<string> {
  const url = new URL(address)
  if (url.protocol !== 'https:') throw new Error('a metadata document is served over https')
  const response = await outbound.fetch(url, {
    headers: { accept: 'application/json', 'user-agent': 'tool-gateway' },
    timeoutMs: TIMEOUT_MS,
    maxBytes: LIMIT_BYTES,
  })
  try {
    return await textOf(response)
  } catch (error) {
    await response.body?.cancel().catch(() => undefined)
    throw error
  }
}

async function textOf(response: Response): Promise<string> {
  const { status, headers } = response
  if (status !== 200) throw new Error(`it answered with status ${status}`)
  if (!/^application\/([\w.-]+\+)?json\b/i.test(headers.get('content-type') ?? ''))
    throw new Error('it is not JSON')
  const text = await boundedText(chunksOf(response), MAX_BYTES)
  if (text === undefined) throw new Error(`it has more than ${MAX_BYTES} bytes`)
  return text
}
