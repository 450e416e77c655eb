import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { problemLine } from '../../domain/documents/problems.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { sandbox as sandboxFields } from '../../domain/documents/confinement.ts'
import { type LaunchPolicy, launchProblems } from '../../domain/launch/launch-policy.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import { limited, sandboxed } from './confinement.ts'
import { type PackageFolders, packageCommand } from './package-command.ts'
import type { StdioCommand } from './stdio-transport.ts'

/** How programs of this gateway are started. */
export interface LaunchOptions {
  readonly policy: LaunchPolicy
  /** Each confined program has a folder in its folder `work`. */
  readonly dataDir: string
  /** Files and folders of the gateway that no program in a sandbox sees, in addition to `dataDir`. */
  readonly hidden: readonly string[]
  /** Marks their processes as those of this gateway (`lockId`); without it none is found that outlives the gateway. */
  readonly owner?: string
}

type StdioServer = Extract<ServerDefinition, { transport: 'stdio' }>

/**
 * What is started for a server. The document was checked when it was read; it is checked again, because it may have been
 * read under other settings.
 * @throws Error with a message for the operator when it must not be started, or something for it is not installed
 */
export async function launchOf(
  server: StdioServer,
  packages: PackageFolders,
  { policy, dataDir, hidden }: LaunchOptions,
): Promise<StdioCommand> {
  const problems = launchProblems(server, policy)
  if (problems.length > 0) throw new Error(`it is not started: ${problems.map(problemLine).join('; ')}`)
  const found =
    server.package === undefined
      ? { command: server.command ?? '', args: [] }
      : await packageCommand(server.package, packages)
  const program = { command: found.command, args: [...found.args, ...server.args] }
  const sandbox = server.sandbox ?? (policy.needsSandbox ? sandboxFields.parse({}) : undefined)
  const { cwd, env, limits } = server
  if (sandbox === undefined && policy.servers === 'any') return { ...limited(program, limits), cwd, env }
  const work = await workFolder(server, dataDir)
  const home = { HOME: work, TMPDIR: sandbox === undefined ? work : '/tmp', ...env }
  if (sandbox === undefined) return { ...limited(program, limits), cwd: work, env: home }
  const needed = [
    process.execPath,
    packages.installed,
    ...packages.nodeModules,
    ...(cwd === undefined ? [] : [cwd]),
  ]
  const boxed = sandboxed(program, sandbox, { work, cwd: cwd ?? work, hidden: [dataDir, ...hidden], needed })
  return { ...limited(boxed, limits), cwd: undefined, env: home }
}

/** The folder that a program of its own works in. */
async function workFolder({ tenantId, name }: StdioServer, dataDir: string): Promise<string> {
  // No tenant has that name.
  const folder = join(dataDir, 'work', tenantId === ALL_TENANTS ? '_all' : tenantId, name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return folder
}
