import { toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { CallerClient, Route } from '../call.ts'
import type { Answer, StageFor } from '../stage.ts'
import { grantedClient } from '../client/granted-client.ts'
import { notTooMany } from '../client/questions.ts'

/** JSON-RPC error of 2025-11-25 by which a legacy server requests an elicitation of mode `url`. */
const URL_ELICITATION_REQUIRED = -32_042

/**
 * Stage: turns the error by which a legacy server sends the client to a web page into the questions of 2026-07-28, if
 * the client is modern and supports them, and the server may ask them. A legacy server takes no answers: the client
 * sends the same call again.
 */
export const urlElicitations: StageFor = () => (call, next) => {
  const { client } = call.operation
  if (client?.era !== 'modern') return next(call)
  return next(call).catch((error: unknown) => questionsIn(error, call.route, client))
}

/** @throws the error itself if it stands for no questions */
function questionsIn(thrown: unknown, route: Route, client: CallerClient): Answer {
  const error = toGatewayError(thrown)
  const { upstream } = error.facts
  const data = upstream?.code === URL_ELICITATION_REQUIRED ? upstream.data : undefined
  const elicitations = isJsonObject(data) ? data['elicitations'] : undefined
  if (!Array.isArray(elicitations) || !canOpenUrls(route, client)) throw error
  const requests = notTooMany(route, elicitations.filter(isJsonObject)).map(
    (params, index): [string, JsonObject] => {
      const { elicitationId } = params
      const key = typeof elicitationId === 'string' ? elicitationId : String(index)
      return [key, { method: 'elicitation/create', params }]
    },
  )
  const result = { resultType: 'input_required', inputRequests: Object.fromEntries(requests) }
  return { route, result, isStateless: true }
}

function canOpenUrls({ server }: Route, client: CallerClient): boolean {
  const { elicitation } = grantedClient(client, server).capabilities
  return isJsonObject(elicitation) && 'url' in elicitation
}
