const CACHE_SECONDS = 3600

/**
 * The only `fetch` that the provider has: it gets metadata documents of clients, as `fetchDocument` does, and nothing
 * else.
 */
export function fetchedAsResponse(
  metadataDocument: (address: string) => Promise<string>,
): (url: string | URL | Request) => Promise<Response> {
  return async (url) => {
    const text = await metadataDocument(url instanceof Request ? url.url : String(url))
    return new Response(text, {
      headers: { 'content-type': 'application/json', 'cache-control': `max-age=${CACHE_SECONDS}` },
    })
  }
}
