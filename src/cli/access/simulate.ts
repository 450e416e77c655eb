import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type AddressOptions, addressOf, type CliContext, withAddress } from '../context.ts'
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
      const documents = await Promise.all(files.map(documentIn))
      const changes = [
        ...documents.map((document) => ({ document })),
        ...options.remove.map((name) => ({ remove: name })),
      ]
      if (changes.length === 0) throw new CliError('usage', 'give a file with a document, or --remove NAME')
      setExitCode(await simulated(addressOf(options, context), changes, options, context))
    })
}

async function documentIn(path: string): Promise<JsonObject> {
  const { parse } = await import('yaml')
  const text = await readFile(path, 'utf8').catch(() => {
    throw new CliError('data', `${path} cannot be read`)
  })
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    throw new CliError('data', `${path}: ${error instanceof Error ? error.message : 'not valid YAML'}`)
  }
  if (!isJsonObject(value)) throw new CliError('data', `${path} is not a server document`)
  return value
}

function collected(value: string, before: string[]): string[] {
  return [...before, value]
}
