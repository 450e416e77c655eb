import type { DiagLogger } from '@opentelemetry/api'
import type { Clock } from '../../domain/clock.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { LimitedLog } from '../limited-log.ts'
import type { Logger } from '../logger.ts'

const MAX_TEXT = 300
const ignore = (): void => undefined

/**
 * Writes warnings and errors of OpenTelemetry itself to the log, at most one line a minute: a collector that is down
 * fails every few seconds, and each failure says the same.
 */
export function diagLogger(logger: Logger, clock: Clock): DiagLogger {
  const log = new LimitedLog({ clock, logger })
  const warn = (message: string): void =>
    log.warn(
      (untold) => ({ reason: reasonIn(message), ...(untold > 0 && { untold }) }),
      'telemetry could not be exported',
    )
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore }
}

/** The SDK hands errors over as JSON with a stack, and with what the collector answered. */
function reasonIn(message: string): string {
  const parsed = message.startsWith('{') ? parsedOrNothing(message) : undefined
  const told = [parsed?.['message'], parsed?.['code']].find(isText) ?? message
  return told.slice(0, MAX_TEXT)
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function parsedOrNothing(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
