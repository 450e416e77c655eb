import type { Logger } from './logger.ts'

/**
 * Handles faults that no code catches, until the returned function is called. An unhandled rejection, as some client
 * libraries leave them, is logged and ends nothing, because other calls are in flight. An uncaught exception leaves an
 * unknown state, so it ends the process with `exitCode`, after a log line with its stack.
 */
export function superviseFaults({ logger, exitCode }: { logger: Logger; exitCode: number }): () => void {
  const onRejection = (reason: unknown): void => {
    logger.error({ err: reason }, 'a promise rejection was not handled; the gateway keeps running')
  }
  const onException = (error: unknown): void => {
    logger.fatal({ err: error }, 'an exception was not caught; the gateway exits')
    process.exit(exitCode)
  }
  process.on('unhandledRejection', onRejection).on('uncaughtException', onException)
  return () => {
    process.off('unhandledRejection', onRejection).off('uncaughtException', onException)
  }
}
