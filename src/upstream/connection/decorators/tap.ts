import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH } from '../../../domain/json/json.ts'
import { redactText } from '../../../telemetry/redaction.ts'
import type { ProcessLog } from '../../stdio/process-log.ts'
import { type Redact, redactedJson } from './redaction.ts'

/** Hears everything that goes over a connection from its opening on, without secrets. */
export interface Tap {
  /** A process is started, or an endpoint is called; what comes next belongs to that. */
  readonly onTarget: (target: string) => void
  readonly onMessage: (direction: 'sent' | 'received', message: JsonObject) => void
  /** Gets what the process says on standard error, in the place of the server's own log. */
  readonly log: ProcessLog
}

/** Gets a message that passes, as it is. */
export type OnMessage = (direction: 'sent' | 'received', message: unknown) => void

/** Passes on to a tap what a connection sends and receives, without the values that `redact` takes out. */
export function tapped({ onMessage }: Tap, redact: Redact): OnMessage {
  const clean = (text: string): string => redactText(redact(text))
  return (direction, message) => {
    const shown = isDeeperThan(message, MAX_JSON_DEPTH) ? TOO_DEEP : redactedJson(message, clean)
    onMessage(direction, isJsonObject(shown) ? shown : TOO_DEEP)
  }
}

const TOO_DEEP = { 'not shown': 'it is nested too deeply' }
