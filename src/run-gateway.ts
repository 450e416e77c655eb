import { once } from 'node:events'
import { createServer } from 'node:net'
import { SettingsError } from './config/load.ts'
import type { Settings } from './config/settings.ts'
import { nearMisses, nearMissText } from './config/near-misses.ts'
import { startWarnings } from './config/start-notes.ts'
import { VERSION } from './config/version.ts'
import { messageOf } from './domain/errors/errors.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { createLogger, type Logger } from './telemetry/logger.ts'
import { superviseFaults } from './telemetry/process-faults.ts'
import { startTelemetry } from './telemetry/export/start-telemetry.ts'
import { Welcome } from './welcome.ts'

/** Exit codes of the process, after sysexits.h. */
const EXIT = { ok: 0, unavailable: 69, internal: 70 } as const

/**
 * Starts the gateway, and runs it until a signal ends it.
 * @returns the exit code: 0 after a clean shutdown, 69 when it cannot start
 * @throws SettingsError where a start shows that a setting cannot be used
 */
export async function runGateway(settings: Settings, env: NodeJS.ProcessEnv): Promise<number> {
  const welcome = process.stdout.isTTY
    ? new Welcome({ print: (text) => process.stdout.write(text), settings })
    : undefined
  const logger = createLogger({
    // The welcome shows the same to people; warnings and errors are logged in any case.
    level: welcome !== undefined && settings.logLevel === 'info' ? 'warn' : settings.logLevel,
    format: logFormat(settings, process.stderr.isTTY),
  })
  for (const nearMiss of nearMisses(env)) logger.warn(nearMissText(nearMiss))
  for (const warning of startWarnings(settings)) logger.warn(warning)
  const endSupervision = superviseFaults({ logger, exitCode: EXIT.internal })
  // First, so that no spans or metrics are lost.
  const telemetry = await startTelemetry({ env, logger, version: VERSION })
  try {
    const gateway = await startGateway(settings, {
      logger,
      ...(telemetry.metrics && { metricsExport: telemetry.metrics }),
      ...(welcome && { onServerState: (status) => welcome.serverState(status) }),
      onSignInLink: (url) => {
        // The link is a secret of the person at the terminal, so it is never logged.
        if (welcome !== undefined) welcome.signInLink(url)
        else logger.info('a browser wants to sign in: "tool-gateway signin" prints a one-time link')
      },
    })
    await welcome?.started(gateway)
    return await untilStopped(gateway, logger, welcome)
  } catch (error) {
    if (error instanceof SettingsError) throw error
    logger.debug({ err: error }, 'why the gateway cannot start')
    logger.fatal(`the gateway cannot start: ${await startProblem(error, settings)}`)
    return EXIT.unavailable
  } finally {
    await telemetry.close()
    endSupervision()
  }
}

function logFormat({ logFormat: format }: Settings, isTerminal: boolean): 'json' | 'pretty' {
  if (format === 'auto') return isTerminal ? 'pretty' : 'json'
  return format
}

/** Why the gateway cannot start. If a port is in use, both ports are checked, so that one start reports both. */
async function startProblem(thrown: unknown, settings: Settings): Promise<string> {
  const isInUse =
    thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE' && 'port' in thrown
  if (!isInUse) return messageOf(thrown)
  const { port, host, metricsPort, metricsHost } = settings
  const asked = [
    { port, host, name: 'PORT' },
    { port: metricsPort, host: metricsHost, name: 'METRICS_PORT' },
  ].filter((one) => one.port !== undefined && one.port !== 0)
  const taken = await Promise.all(
    asked.map(async (one) => one.port === thrown.port || (await isTaken(one.port ?? 0, one.host))),
  )
  return asked
    .filter((_one, index) => taken[index] === true)
    .map((one) => `port ${one.port} is in use; set ${one.name} to another port`)
    .join(', and ')
}

async function isTaken(port: number, host: string): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, host)
    await once(server, 'listening')
    return false
  } catch {
    return true
  } finally {
    server.close()
  }
}

/** Resolves once a signal has led to a shutdown; a second signal ends the process at once. */
async function untilStopped(gateway: Gateway, logger: Logger, welcome: Welcome | undefined): Promise<number> {
  const { promise: signalled, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let isSecond = false
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isSecond) process.exit(EXIT.internal)
    isSecond = true
    resolve(signal)
  }
  // SIGHUP is a terminal that was closed.
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal).on('SIGHUP', onSignal)
  const signal = await signalled
  logger.info({ signal, callsInFlight: gateway.callsInFlight() }, 'shutting down')
  welcome?.stopping(gateway.callsInFlight())
  const failures = await gateway.close()
  for (const { name, error } of failures) logger.error({ err: error }, `${name} did not close`)
  logger.info('stopped')
  return failures.length === 0 ? EXIT.ok : EXIT.internal
}
