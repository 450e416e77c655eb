import { pino } from 'pino'
import pretty from 'pino-pretty'
import { printableJson } from '../domain/text/printable.ts'
import { CENSORED, SECRET_PATHS, redact, redactText } from './redaction.ts'
import { activeTraceIds } from './tracing.ts'

/** The structured log. */
export type Logger = pino.Logger

/** Severities that can be chosen, least first; `silent` writes nothing. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']
const STANDARD_ERROR = 2

/**
 * The process's logger: one JSON object per line, or readable text for a person at a terminal. Secrets are taken out
 * at any depth, an error shows its causes, and a line about a request that is traced has the ids of its span.
 * @param options.destination where lines go; standard error by default, so that standard output stays free for answers
 * @throws TypeError when there is no such level
 */
export function createLogger(options: {
  level: string
  format: 'json' | 'pretty'
  destination?: NodeJS.WritableStream
}): Logger {
  const { level, format, destination } = options
  if (!LEVELS.includes(level))
    throw new TypeError(`unknown log level ${level}: use one of ${LEVELS.join(', ')}`)
  const settings: pino.LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => activeTraceIds() ?? {}, // a new object each time: pino writes into it
    formatters: { level: (label) => ({ level: label }), log: redact },
    redact: { paths: SECRET_PATHS, censor: CENSORED },
    // Errors are made plain by the redaction, which sees them first.
    serializers: { err: (error: unknown) => error },
    // At a terminal the escapes of JSON are resolved again, and much of what is logged comes from third parties.
    hooks: {
      streamWrite: format === 'pretty' ? (line) => printableJson(redactText(line)) : redactText,
    },
  }
  if (format === 'json') {
    return pino(settings, destination ?? pino.destination({ dest: STANDARD_ERROR, sync: false }))
  }
  const stream = pretty({
    colorize: destination === undefined && process.stderr.isTTY && process.stderr.hasColors(),
    translateTime: 'SYS:HH:MM:ss',
    singleLine: true,
    destination: destination ?? STANDARD_ERROR,
  })
  return pino(settings, stream)
}
