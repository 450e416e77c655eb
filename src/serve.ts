import { loadSettings, SettingsError } from './config/load.ts'
import { pagePath } from './config/pages.ts'

/** The exit code for invalid settings (`EX_CONFIG` of sysexits.h). */
const BAD_SETTINGS = 78

/**
 * Runs the gateway until a signal ends it: settings, start, welcome, shutdown.
 * @returns the exit code: 0 after a clean shutdown, 78 for bad settings, 69 when it cannot start
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const settings = loadSettings(env)
    // Loading it takes most of the start, and invalid settings are reported before.
    const { runGateway } = await import('./run-gateway.ts')
    return await runGateway(settings, env)
  } catch (error) {
    if (error instanceof SettingsError) return refuse(error)
    throw error
  }
}

function refuse(error: SettingsError): number {
  process.stderr.write(
    `These settings are not valid:\n${error.message.replace(/^/gm, '  ')}\nAll settings: ${pagePath('config.md')}\n`,
  )
  return BAD_SETTINGS
}
