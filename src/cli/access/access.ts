import { Command } from 'commander'
import { pagePath } from '../../config/pages.ts'
import type { CliContext } from '../context.ts'
import { explainCommand } from './explain.ts'
import { matrixCommand } from './matrix.ts'
import { simulateCommand } from './simulate.ts'

/** `access …` against a running gateway. */
export function accessCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return new Command('access')
    .description(`show who may use what, and why (${pagePath('access.md')})`)
    .addCommand(explainCommand(context))
    .addCommand(matrixCommand(context))
    .addCommand(simulateCommand(context, setExitCode))
}
