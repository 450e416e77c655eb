import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { configCommand } from './client-config.ts'
import { importCommand } from './client-import.ts'
import { listCommand } from './client-list.ts'

/** `client …`: the MCP clients of this machine. */
export function clientCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  return new Command('client')
    .description('configure MCP clients of this machine for the gateway, and take over their servers')
    .addCommand(configCommand(context, setExitCode))
    .addCommand(listCommand(context))
    .addCommand(importCommand(context, setExitCode))
}
