import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import type { Answer } from '../../calls/stage.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { RawObject } from '../../domain/json/raw-object.ts'
import type { ListPage } from '../methods/list-results.ts'

const START = Buffer.from('{"result":')

/**
 * The same response out of the JSON of the result, where there is one and nothing in it changes; undefined elsewhere.
 * @param answer what the result was made of
 */
export function responseTextTo(
  id: string | number,
  result: unknown,
  answer: Pick<Answer, 'raw' | 'result' | 'json'> | undefined,
  info: JsonObject,
): string | undefined {
  const json = answer?.json
  if (answer === undefined || json === undefined) return undefined
  const { raw } = answer
  if ((raw ?? answer.result) !== result) return undefined
  if (raw === undefined && ('_meta' in answer.result || 'resultType' in answer.result)) return undefined
  const members = json === '{}' ? '' : `${json.slice(1, -1)},`
  return `{"result":{${members}${addedTo(info)}},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`
}

const additions = new WeakMap<JsonObject, string>()

function addedTo(info: JsonObject): string {
  let added = additions.get(info)
  if (added === undefined) {
    added = `"resultType":"complete","_meta":${JSON.stringify({ [SERVER_INFO_META_KEY]: info })}`
    additions.set(info, added)
  }
  return added
}

/**
 * The response with a page of a list. A list whose servers state no time is fresh for none.
 * @param items the items of the page as JSON, separated by commas
 */
export function listResponseTo(
  id: string | number,
  { list, more }: ListPage,
  items: Buffer,
  info: JsonObject,
): Buffer[] {
  const meta = isJsonObject(more['_meta']) ? more['_meta'] : {}
  const rest = { ttlMs: 0, ...more, resultType: 'complete', _meta: { ...meta, [SERVER_INFO_META_KEY]: info } }
  return [
    Buffer.from(`{"result":{"${list}":[`),
    items,
    Buffer.from(`],${JSON.stringify(rest).slice(1)},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`),
  ]
}

/** The response with what every complete result of the revision has (MCP 2026-07-28, results). */
export function responseTo(id: string | number, result: RawObject | JsonObject, info: JsonObject): Buffer[] {
  const meta = result instanceof RawObject ? result.get('_meta') : result['_meta']
  const added = {
    resultType: (result instanceof RawObject ? undefined : result['resultType']) ?? 'complete',
    _meta: { ...(isJsonObject(meta) && meta), [SERVER_INFO_META_KEY]: info },
  }
  if (result instanceof RawObject)
    return [
      START,
      ...result.with(added).chunks(),
      Buffer.from(`,"jsonrpc":"2.0","id":${JSON.stringify(id)}}`),
    ]
  return [Buffer.from(JSON.stringify({ result: { ...result, ...added }, jsonrpc: '2.0', id }))]
}
