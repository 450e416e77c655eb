import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import { CliError } from './cli-error.ts'
import type { CliContext } from './context.ts'
import { checkCommand } from './registry/registry-check.ts'
import { planCommand, pullCommand, pushCommand } from './registry/registry-sync.ts'

/** `init`, `validate`, `plan`, `apply` and `export`: the whole configuration as one file. */
export function verbCommands(context: CliContext, setExitCode: (code: number) => void): Command[] {
  return [
    initCommand(context),
    checkCommand(context).name('validate'),
    planCommand(context, setExitCode),
    pushCommand(context, setExitCode).name('apply'),
    pullCommand(context, setExitCode).name('export'),
  ]
}

function initCommand(context: CliContext): Command {
  return new Command('init')
    .description('write a commented registry file to start from')
    .argument('[file]', 'the registry file (default: REGISTRY_FILE, or DATA_DIR/registry.yaml)')
    .action(async (given: string | undefined) => {
      const { writeExampleRegistry } = await import('../registry/file/example-registry.ts')
      const { registryFileOf } = await import('./registry/registry-stores.ts')
      const file = resolve(given ?? registryFileOf(context))
      const isNew = await writeExampleRegistry(file, { filesFolder: join(dirname(file), 'files') })
      if (!isNew) throw new CliError('failed', `${file} exists; it was not changed`)
      context.print(`wrote ${file}\n`)
    })
}
