import { Command } from 'commander'
import type { JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type AddressOptions, addressOf, type CliContext, withAddress } from '../context.ts'
import { documentOfFile } from '../input/file-text.ts'
import { simulated } from './simulated.ts'

interface SimulateOptions extends AddressOptions {
  readonly remove: string[]
}

/** `access simulate`: what edits of documents would change. */
export function simulateCommand(context: CliContext, setExitCode: (code: number) => void): Command {
  const command = new Command('simulate')
    .description('show who would gain or lose which tools if server documents were saved (role operator)')
    .argument('[files...]', 'YAML or JSON files, each with one server document')
    .option('--remove <name>', 'a server that would be removed; can be repeated', collected, [])
  return withAddress(command)
    .addHelpText('after', '\nNothing is saved. Exit codes: 0 no caller gains or loses a tool; 2 some do.')
    .action(async (files: string[], options: SimulateOptions) => {
      const changes: JsonObject[] = []
      for (const file of files) changes.push({ document: await documentOfFile(file) })
      for (const name of options.remove) changes.push({ remove: name })
      if (changes.length === 0) throw new CliError('usage', 'give a file with a document, or --remove NAME')
      setExitCode(await simulated(addressOf(options, context), changes, options, context))
    })
}

function collected(value: string, before: string[]): string[] {
  return [...before, value]
}
