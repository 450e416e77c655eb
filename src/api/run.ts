import type { Request, Response } from 'express'
import { identityOf } from '../auth/identity.ts'
import { toGatewayError } from '../domain/errors.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Caller, Operation } from '../routing/call.ts'
import type { Calls } from '../routing/calls.ts'
import { traceRequest } from '../routing/trace.ts'
import { problemOf } from './problem.ts'

/** The caller behind a REST request. */
export function callerOf(request: Request): Caller {
  const { principal, requestId } = identityOf(request)
  return { principal, requestId, face: 'rest', sessionId: undefined }
}

const EVENT_STREAM = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
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
  shape: (result: JsonObject) => JsonObject = (result) => result,
): Promise<void> {
  const abort = new AbortController()
  response.once('close', () => abort.abort())
  const run = (onProgress?: (progress: JsonObject) => void): Promise<JsonObject> =>
    traceRequest({ method: operation.method, over: 'rest' }, () =>
      calls.run(callerOf(request), {
        ...operation,
        scope: undefined,
        signal: abort.signal,
        ...(onProgress && { onProgress }),
      }),
    )
  if (request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream') {
    await streamResult(request, response, run, shape)
  } else {
    response.json(shape(await run()))
  }
}

/** The stream opens with its first event, so that what fails before has its own HTTP status. */
async function streamResult(
  request: Request,
  response: Response,
  run: (onProgress: (progress: JsonObject) => void) => Promise<JsonObject>,
  shape: (result: JsonObject) => JsonObject,
): Promise<void> {
  const send = (event: string, data: JsonObject): void => {
    if (!response.headersSent) response.writeHead(200, EVENT_STREAM)
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }
  try {
    send('result', shape(await run((progress) => send('progress', progress))))
  } catch (error) {
    if (!response.headersSent) throw error
    send('error', problemOf(toGatewayError(error), identityOf(request).requestId))
  }
  response.end()
}
