import type { Logger } from './logger.ts'

/**
 * What becomes of faults that no code takes care of, until the returned function is called. A rejected promise that
 * nobody looks at, as client libraries leave some, is logged and ends nothing: others are being served. An uncaught
 * exception leaves a state that nobody knows behind, so it ends the process with `exitCode`, after a line with its stack.
 */
export function superviseFaults({ logger, exitCode }: { logger: Logger; exitCode: number }): () => void {
  const onRejection = (reason: unknown): void => {
    logger.error({ err: reason }, 'a promise was rejected and nobody looked at it; the gateway goes on')
  }
  const onException = (error: unknown): void => {
    logger.fatal({ err: error }, 'an exception was not caught; the gateway ends')
    process.exit(exitCode)
  }
  process.on('unhandledRejection', onRejection).on('uncaughtException', onException)
  return () => {
    process.off('unhandledRejection', onRejection).off('uncaughtException', onException)
  }
}
