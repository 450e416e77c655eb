import { pino } from 'pino'

/** A logger for tests that do not look at the log. */
export const silentLogger = pino({ level: 'silent' })
