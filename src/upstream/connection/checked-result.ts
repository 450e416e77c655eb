import { SERVER_INFO_META_KEY } from '@modelcontextprotocol/client'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { RawObject } from '../../domain/json/raw-object.ts'
import { TextResult } from '../../domain/json/text-result.ts'
import { type ClientSide, mayAsk, TASKS_EXTENSION } from '../messages/client-side.ts'
import type { Era } from './connection.ts'
import { UnfitAnswer } from './upstream-error.ts'

/** Where a result came from, and who it is for. */
interface Origin {
  readonly server: string
  readonly era: Era
  readonly client: ClientSide | undefined
}

/**
 * The result without members that concern only this hop. It must be complete, unless the client can handle another one.
 * @throws GatewayError `upstream_bad_response`
 */
export function checkedResult(result: unknown, { server, era, client }: Origin): JsonObject {
  if (!isJsonObject(result)) throw badResponse(server, 'the result is not an object')
  const { resultType } = result
  const isComplete = era === 'legacy' || resultType === undefined || resultType === 'complete'
  if (!isComplete && !mayGet(result, client)) throw badResponse(server, 'the result is not complete')
  return withoutServerInfo(isComplete && 'resultType' in result ? withoutType(result) : result)
}

/** A copy: V8 makes a slow dictionary of an object of which a member is deleted. */
function withoutType({ resultType: _ofThisHop, ...result }: JsonObject): JsonObject {
  return result
}

function withoutServerInfo(result: JsonObject): JsonObject {
  const meta = result['_meta']
  if (!isJsonObject(meta) || !(SERVER_INFO_META_KEY in meta)) return result
  const { [SERVER_INFO_META_KEY]: _ofThisHop, ...kept } = meta
  if (Object.keys(kept).length > 0) return { ...result, _meta: kept }
  const { _meta, ...rest } = result
  return rest
}

/** The same for a result whose members are bytes; an incomplete one becomes a value. */
export function checkedRaw(raw: RawObject, origin: Origin): RawObject | JsonObject {
  if (raw instanceof TextResult) return raw
  const resultType = origin.era === 'legacy' ? undefined : raw.get('resultType')
  if (resultType !== undefined && resultType !== 'complete') return checkedResult(raw.parse(), origin)
  const changes: JsonObject = raw.has('resultType') ? { resultType: undefined } : {}
  const meta = raw.get('_meta')
  if (isJsonObject(meta) && SERVER_INFO_META_KEY in meta) {
    const { [SERVER_INFO_META_KEY]: _ofThisHop, ...kept } = meta
    changes['_meta'] = Object.keys(kept).length > 0 ? kept : undefined
  }
  return Object.keys(changes).length > 0 ? raw.with(changes) : raw
}

function badResponse(server: string, cause: string): GatewayError {
  return new GatewayError('upstream_bad_response', `Server ${server} returned an invalid response`, {
    cause: new UnfitAnswer(cause),
    facts: { server, mayHaveExecuted: true },
  })
}

/** Whether the client has declared that it can handle an incomplete result of this kind. */
function mayGet({ resultType, inputRequests }: JsonObject, client: ClientSide | undefined): boolean {
  if (client === undefined) return false
  const { extensions } = client.capabilities
  if (resultType === 'task') return isJsonObject(extensions) && isJsonObject(extensions[TASKS_EXTENSION])
  if (resultType !== 'input_required' || Object.keys(client.capabilities).length === 0) return false
  if (inputRequests === undefined) return true
  return (
    isJsonObject(inputRequests) &&
    Object.values(inputRequests).every(
      (request) => isJsonObject(request) && mayAsk(client.capabilities, request['method']),
    )
  )
}
