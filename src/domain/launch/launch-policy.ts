import type { Problem } from '../documents/problems.ts'
import { parsePackage } from '../documents/npm-package.ts'
import type { ServerDefinition } from '../documents/server-definition.ts'
import { matches } from '../text/pattern.ts'
import { mayRunOtherCode } from './code-variables.ts'

/** Which programs documents may have started. */
export interface LaunchPolicy {
  /** `any`: every one; `allowlist`: those below, confined; `off`: none. */
  readonly servers: 'any' | 'allowlist' | 'off'
  /** Absolute paths of programs. */
  readonly programs: readonly string[]
  /** Names of npm packages, in which `*` stands for any characters. */
  readonly packages: readonly string[]
  /** Whether every program runs in a sandbox. */
  readonly needsSandbox: boolean
}

/** The policy of whoever writes only documents of their own. */
export const EVERY_PROGRAM: LaunchPolicy = { servers: 'any', programs: [], packages: [], needsSandbox: false }

type StdioServer = Extract<ServerDefinition, { transport: 'stdio' }>

/** What a policy forbids of the program in a server's document, each with its place and the setting. */
export function launchProblems(server: ServerDefinition, policy: LaunchPolicy): readonly Problem[] {
  if (server.transport !== 'stdio') return []
  if (policy.servers === 'off')
    return [{ path: 'transport', text: 'programs are not started here (setting STDIO_SERVERS)' }]
  return [
    ...(policy.servers === 'allowlist' ? problemsOfListed(server, policy) : []),
    ...(policy.needsSandbox ? problemsOfSandbox(server) : []),
  ]
}

function unlisted(path: string): Problem {
  return { path, text: 'the setting STDIO_ALLOWLIST does not list it' }
}

function problemsOfListed(server: StdioServer, policy: LaunchPolicy): Problem[] {
  const { command, package: packageText, cwd, env } = server
  return [
    ...(command !== undefined && !policy.programs.includes(command) ? [unlisted('command')] : []),
    ...(packageText !== undefined && !isListedPackage(packageText, policy) ? [unlisted('package')] : []),
    ...(cwd === undefined
      ? []
      : [
          {
            path: 'cwd',
            text: 'each program has its own folder where the setting STDIO_SERVERS is `allowlist`',
          },
        ]),
    ...Object.keys(env)
      .filter(mayRunOtherCode)
      .map((name) => ({
        path: `env.${name}`,
        text: 'this variable can make a program run other code, which the setting STDIO_SERVERS does not allow',
      })),
  ]
}

/** The sandbox that everything runs in is not for documents to open. */
function problemsOfSandbox({ sandbox }: StdioServer): Problem[] {
  return (['readable', 'writable'] as const)
    .filter((field) => (sandbox?.[field] ?? []).length > 0)
    .map((field) => ({
      path: `sandbox.${field}`,
      text: 'no further folders are allowed where the setting STDIO_SANDBOX is `required`',
    }))
}

function isListedPackage(text: string, { packages }: LaunchPolicy): boolean {
  const name = parsePackage(text)?.name ?? text
  return packages.some((pattern) => matches(pattern, name))
}
