import { Command, CommanderError } from 'commander'
import { VERSION } from '../config/version.ts'
import { auditCommand } from './audit/audit-command.ts'
import { mendJsonParse } from '../domain/json/json.ts'
import { accessCommand } from './access/access.ts'
import { approvalsCommand } from './access/approvals.ts'
import { sessionsCommand } from './access/sessions.ts'
import { whoamiCommand } from './access/whoami.ts'
import { asCliError, CLI_EXIT } from './cli-error.ts'
import { cachesCommand } from './caches.ts'
import { clientCommand } from './clients/client.ts'
import { completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { connectionsCommand } from './persons/connections.ts'
import { connectCommand } from './bridge/connect-command.ts'
import { doctorConnectCommand } from './doctor/connect-command.ts'
import { type CliContext, withoutEscapes } from './context.ts'
import { doctorCommand } from './diagnosis/doctor.ts'
import { optimizeCommand } from './diagnosis/optimize.ts'
import { topCommand } from './diagnosis/top.ts'
import { pipelinesCommand, promptsCommand, resourcesCommand } from './reading.ts'
import { grantsCommand } from './persons/grants.ts'
import { registryCommand } from './registry/registry.ts'
import { serveCommand } from './serve.ts'
import { serversCommand } from './servers/servers.ts'
import { signInCommand } from './signin.ts'
import { tokenCommand } from './token.ts'
import { toolsCommand } from './tools.ts'
import { vaultCommand } from './persons/vault.ts'
import { verbCommands } from './verbs.ts'

/**
 * Runs one command line.
 * @param argv the arguments after the program's name
 * @returns the exit code, one of CLI_EXIT or what `serve` ended with
 */
export async function run(argv: readonly string[], given: CliContext): Promise<number> {
  const context = withoutEscapes(given)
  mendJsonParse()
  let exitCode: number = CLI_EXIT.ok
  const program = programFor(context, { setExitCode: (code) => (exitCode = code), raw: given.print })
  throughout(program, (command) =>
    command
      .exitOverride()
      .showHelpAfterError('(add --help to show the usage)')
      .configureOutput({ writeOut: context.print, writeErr: context.printError }),
  )
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? CLI_EXIT.ok : CLI_EXIT.usage
    const told = asCliError(error)
    if (told === undefined) throw error
    context.printError(`tool-gateway: ${told.message}\n`)
    return told.exitCode
  }
}

/** The whole command line. @param to.raw writes without taking out what could steer a terminal */
export function programFor(
  context: CliContext,
  to: { readonly setExitCode: (code: number) => void; readonly raw: (text: string) => void },
): Command {
  const { setExitCode, raw } = to
  const program: Command = new Command('tool-gateway')
    .description('One authenticated, filtered, audited endpoint in front of many MCP servers.')
    .version(VERSION)
    // Options behind a command are that command’s.
    .enablePositionalOptions()
    .addCommand(serveCommand(context, setExitCode))
    .addCommand(tokenCommand(context))
    .addCommand(signInCommand(context))
    .addCommand(toolsCommand(context))
    .addCommand(connectCommand(context))
    .addCommand(serversCommand(context, setExitCode))
    .addCommand(resourcesCommand(context))
    .addCommand(promptsCommand(context))
    .addCommand(pipelinesCommand(context))
    .addCommand(auditCommand(context, setExitCode))
    .addCommand(whoamiCommand(context))
    .addCommand(accessCommand(context, setExitCode))
    .addCommand(sessionsCommand(context))
    .addCommand(approvalsCommand(context))
    .addCommand(clientCommand(context, setExitCode))
    .addCommand(registryCommand(context, setExitCode))
    .addCommand(connectionsCommand(context))
    .addCommand(grantsCommand(context))
    .addCommand(vaultCommand(context))
    .addCommand(cachesCommand(context))
    .addCommand(configCommand(context))
    .addCommand(doctorCommand(context, setExitCode).addCommand(doctorConnectCommand(context)))
    .addCommand(topCommand(context, raw))
    .addCommand(optimizeCommand(context))
    .addCommand(completionCommand(context, () => program))
  for (const command of verbCommands(context, setExitCode)) program.addCommand(command)
  return program
}

/** Commands inherit nothing from the program that they were added to. */
function throughout(command: Command, configure: (command: Command) => void): void {
  configure(command)
  for (const child of command.commands) throughout(child, configure)
}
