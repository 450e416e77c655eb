import { basename } from 'node:path'

/** Programs that fetch what they run. */
const FETCHING = new Set([
  'npx',
  'npm',
  'pnpm',
  'pnpx',
  'yarn',
  'bunx',
  'bun',
  'uvx',
  'uv',
  'pipx',
  'docker',
  'podman',
])

/**
 * What to try with a program that was silent for all of its time. It repeats no argument: there may be secrets in it.
 */
export function adviceFor(command: string): string {
  const program = basename(command)
  if (!FETCHING.has(program))
    return 'it has not printed anything: it may need more time (lifecycle.startTimeoutMs) or be waiting for something; try its command in a terminal'
  const instead = program === 'npx' ? ', or install the package (`servers install`)' : ''
  return `it has not printed anything: ${program} may still be downloading; try its command in a terminal, raise lifecycle.startTimeoutMs${instead}`
}
