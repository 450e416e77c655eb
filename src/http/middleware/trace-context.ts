import type { RequestHandler } from 'express'
import { withRemoteParent } from '../../telemetry/tracing.ts'

/** Makes the span that the headers name (W3C Trace Context) the parent of the request's own. */
export const traceContext: RequestHandler = ({ headers }, _response, next) => {
  withRemoteParent({ traceparent: headers['traceparent'], tracestate: headers['tracestate'] }, next)
}
