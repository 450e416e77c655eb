import { Command } from 'commander'
import type { CliContext } from './context.ts'
import { importCommand } from './registry-import.ts'
import { pullCommand, pushCommand } from './registry-sync.ts'

/** `registry import`, `registry push` and `registry pull`. */
export function registryCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  return new Command('registry')
    .description('import servers, and carry them between a registry file and Firestore')
    .addCommand(importCommand(context, onExitCode))
    .addCommand(pushCommand(context, onExitCode))
    .addCommand(pullCommand(context, onExitCode))
}
