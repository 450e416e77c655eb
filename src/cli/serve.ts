import { Command } from 'commander'
import { pagePath } from '../config/pages.ts'
import type { CliContext } from './context.ts'

/** `serve`: runs the gateway until it is told to stop. */
export function serveCommand({ env }: CliContext, onExitCode: (code: number) => void): Command {
  return new Command('serve')
    .description(`run the gateway (settings come from environment variables, see ${pagePath('config.md')})`)
    .action(async () => {
      const { serve } = await import('../serve.ts')
      onExitCode(await serve(env))
    })
}
