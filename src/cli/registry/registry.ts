import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { checkCommand } from './registry-check.ts'
import { importCommand } from './registry-import.ts'
import { pullCommand, pushCommand } from './registry-sync.ts'

/** `registry check`, `registry import`, `registry push` and `registry pull`. */
export function registryCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  return new Command('registry')
    .description('check a registry file, import servers, and copy a registry between a file and Firestore')
    .addCommand(checkCommand(context))
    .addCommand(importCommand(context, onExitCode))
    .addCommand(pushCommand(context, onExitCode))
    .addCommand(pullCommand(context, onExitCode))
}
