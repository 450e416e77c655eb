import { Command } from 'commander'
import { CLI_EXIT } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import type { SyncOptions } from './sync-run.ts'

const DIFFERS = CLI_EXIT.differs

/** `registry push FILE`: from a file into Firestore. */
export function pushCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  return withSyncOptions(new Command('push'))
    .description(
      'copy a registry file to Firestore (servers, tenants, templates, pipelines, enhancement rules) after showing the differences',
    )
    .argument('<file>', 'the registry file, YAML or JSON')
    .option(
      '--skip-invalid',
      'skip documents that are not valid; without this option nothing is written if there are any',
    )
    .action(async (file: string, options: SyncOptions) => {
      const { runPush } = await import('./sync-run.ts')
      onExitCode(await runPush(file, options, context))
    })
}

/** `plan FILE`: what `apply` would change. */
export function planCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  return new Command('plan')
    .description(`show what apply would change in Firestore; exits with ${DIFFERS} if there is anything`)
    .argument('<file>', 'the registry file, YAML or JSON')
    .option('--prune', 'also what is only in Firestore')
    .option('--tenant <id>', "only the documents of this tenant, or '*' for those of all tenants")
    .action(async (file: string, options: SyncOptions) => {
      const { runPush } = await import('./sync-run.ts')
      onExitCode(await runPush(file, { ...options, dryRun: true }, context))
    })
}

/** `registry pull [FILE]`: from Firestore into a file. */
export function pullCommand(context: CliContext, onExitCode: (code: number) => void): Command {
  return withSyncOptions(new Command('pull'))
    .description(
      'copy the registry from Firestore to a file (all sections, including documents that are not valid) after showing the differences',
    )
    .argument('[file]', 'the registry file (default: REGISTRY_FILE, or DATA_DIR/registry.yaml)')
    .action(async (file: string | undefined, options: SyncOptions) => {
      const { runPull } = await import('./sync-run.ts')
      onExitCode(await runPull(file, options, context))
    })
}

function withSyncOptions(command: Command): Command {
  return command
    .option('--dry-run', `show the differences without writing; exits with ${DIFFERS} if there are any`)
    .option('--prune', 'also remove what is only in the target')
    .option('--yes', 'do not ask for confirmation')
    .option('--tenant <id>', "only the documents of this tenant, or '*' for those of all tenants")
    .addHelpText(
      'after',
      `
Firestore is found by GOOGLE_CLOUD_PROJECT and FIRESTORE_DATABASE (default: (default)) with the credentials of the
environment, or by FIRESTORE_EMULATOR_HOST. Values of env, headers and auth are never shown.
Exit codes: 0 nothing to do, or done; 1 refused, changed meanwhile, or a dry run found a difference;
2 Firestore or the file is not available; 65 a document to push is not valid; 78 no project is named.`,
    )
}
