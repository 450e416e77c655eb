import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/server'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { RawObject } from '../../domain/json/raw-object.ts'

const START = Buffer.from('{"result":')

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
