import type { Request, Response } from 'express'
import { identityOf } from '../identity/identity.ts'
import { toGatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import { eventText } from '../domain/text/server-sent-event.ts'
import type { Caller, Operation } from '../calls/call.ts'
import type { Calls } from '../calls/calls.ts'
import { traceRequest } from '../calls/trace.ts'
import { pagesFor, problemOf } from './problem.ts'

const EVENT_HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
}

/** The caller of the REST request that a response answers. */
export function callerOf(response: Response): Caller {
  const { principal, requestId, clientName, address, arrivedAt, presented } = identityOf(response)
  const sent = { principal, requestId, clientName, address, arrivedAt, presented }
  return { ...sent, transport: 'rest', sessionId: undefined }
}

type RestOperation = Omit<Operation, 'signal' | 'onProgress' | 'scope'>

/**
 * Runs one operation for a REST request and answers with its result: as JSON, or, where the caller accepts only
 * `text/event-stream`, as events `progress`, then `result` or `error`. A caller that goes away cancels it.
 */
export async function answerWith(
  calls: Calls,
  request: Request,
  response: Response,
  operation: RestOperation,
  shape?: (result: JsonObject) => JsonObject,
): Promise<void> {
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  let json: string | undefined
  const run = (onProgress?: (progress: JsonObject) => void): Promise<JsonObject> =>
    traceRequest({ method: operation.method.name, over: 'rest' }, async () => {
      const answer = await calls.answer(callerOf(response), {
        ...operation,
        scope: undefined,
        signal: abort.signal,
        ...(onProgress && { onProgress }),
      })
      json = answer.json
      return answer.result
    })
  const shaped = async (onProgress?: (progress: JsonObject) => void): Promise<JsonObject> => {
    const result = await run(onProgress)
    return shape?.(result) ?? result
  }
  if (wantsEvents(request)) return streamResult(response, shaped)
  const result = await shaped()
  // A large result is not written as JSON a second time.
  if (json === undefined || shape !== undefined) response.json(result)
  else response.type('application/json').send(json)
}

/** Whether the caller accepts only `text/event-stream`. */
export function wantsEvents(request: Request): boolean {
  return request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream'
}

/** Answers with events: `progress` as often as `run` reports it, then `result` or `error`. */
export async function streamResult(
  response: Response,
  run: (onProgress: (progress: JsonObject) => void) => Promise<JsonObject>,
): Promise<void> {
  const send = (event: string, data: JsonObject): void => sendEvent(response, event, data)
  try {
    send('result', await run((progress) => send('progress', progress)))
  } catch (error) {
    if (!response.headersSent) throw error
    send('error', problemOf(toGatewayError(error), identityOf(response).requestId, pagesFor(response)))
  }
  response.end()
}

/** Starts a stream of events as the answer; later failures can no longer change the HTTP status. */
export function openEvents(response: Response): void {
  if (!response.headersSent) response.writeHead(200, EVENT_HEADERS)
}

/** Sends one event; the first one opens the stream. */
function sendEvent(response: Response, event: string, data: JsonObject): void {
  openEvents(response)
  response.write(eventText(JSON.stringify(data), { event }))
}
