import { isDeeperThan, isJsonObject, type JsonObject, MAX_JSON_DEPTH } from '../../../domain/json/json.ts'
import { redactText } from '../../../telemetry/redaction.ts'
import type { ProcessLog } from '../../stdio/process-log.ts'
import { type Redact, redactedJson } from './redaction.ts'

/** Observes everything that is sent and received over a connection from its opening on, without secrets. */
export interface Tap {
  /** A process is started, or an endpoint is called; what follows belongs to it. */
  readonly onTarget: (target: string) => void
  readonly onMessage: (direction: 'sent' | 'received', message: JsonObject) => void
  /** Gets the standard error of the process, instead of the server's own log. */
  readonly log: ProcessLog
}

/** Gets each message that passes, unchanged. */
export type OnMessage = (direction: 'sent' | 'received', message: unknown) => void

/** Reports the messages of a connection to a tap, after `redact` has removed secrets. */
export function tapped({ onMessage }: Tap, redact: Redact): OnMessage {
  const clean = (text: string): string => redactText(redact(text))
  return (direction, message) => {
    const shown = isDeeperThan(message, MAX_JSON_DEPTH) ? TOO_DEEP : redactedJson(message, clean)
    onMessage(direction, isJsonObject(shown) ? shown : TOO_DEEP)
  }
}

const TOO_DEEP = { 'not shown': 'it is nested too deeply' }
