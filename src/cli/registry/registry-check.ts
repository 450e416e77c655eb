import { Command } from 'commander'
import { asJson, type CliContext } from '../context.ts'

/** `registry check FILE`: says what a gateway would refuse of a registry file. */
export function checkCommand(context: CliContext): Command {
  return new Command('check')
    .description(
      'check a registry file and list what a gateway would reject; does not start or connect any server',
    )
    .argument('[file]', 'the registry file (default: REGISTRY_FILE, or DATA_DIR/registry.yaml)')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExit codes: 0 the file is valid; 65 a part of it would be rejected.')
    .action(async (given: string | undefined, { json }: { json?: boolean }) => {
      const { checkRegistry } = await import('./check-run.ts')
      const { CliError } = await import('../cli-error.ts')
      const { file, problems, notes, counts } = await checkRegistry(given, context)
      if (json === true) context.print(asJson({ file, isValid: problems.length === 0, problems, notes }))
      for (const note of notes) context.printError(`note: ${note}\n`)
      if (problems.length > 0) {
        throw new CliError('data', `${file}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
      }
      if (json !== true) context.print(`${file} is valid: ${counts}\n`)
    })
}
