import { existsSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { isJsonObject } from '../../domain/json/json.ts'

/** Codes of a machine that has no more of something; what was to be started is not to blame. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM'])

/** A process could not be started. Its message is for operators and repeats no argument. */
export class SpawnFailed extends Error {
  override readonly name = 'SpawnFailed'
  readonly code: string

  constructor(
    cause: unknown,
    { command, cwd }: { readonly command: string; readonly cwd: string | undefined },
  ) {
    const { code: found } = isJsonObject(cause) ? cause : {}
    const code = typeof found === 'string' ? found : 'unknown error'
    const [program = '', ...rest] = command.trim().split(/\s+/)
    const shown = rest.length === 0 ? command : `${program} …`
    super(`the command ${shown} ${whatHappened(code, { command, cwd, hasBlanks: rest.length > 0 })}`, {
      cause,
    })
    this.code = code
  }
}

function whatHappened(
  code: string,
  { command, cwd, hasBlanks }: { command: string; cwd: string | undefined; hasBlanks: boolean },
): string {
  const texts: Record<string, () => string> = {
    ENOENT: () => whyNotFound(command, cwd, hasBlanks),
    ENOTDIR: () =>
      cwd === undefined ? 'was not found' : `could not be started: ${cwd} (cwd) is not a folder`,
    EACCES: () => 'is not executable',
    EMFILE: () => 'could not be started: the gateway has no file descriptors left (EMFILE)',
    E2BIG: () => 'could not be started: its arguments and environment are too long (E2BIG)',
  }
  return texts[code]?.() ?? `could not be started (${code})`
}

/** The system has one code for a program, its interpreter and its working directory. */
function whyNotFound(command: string, cwd: string | undefined, hasBlanks: boolean): string {
  if (hasBlanks)
    return 'was not found; `command` is the name or path of a program alone, without a shell: put the arguments into `args`'
  if (cwd !== undefined && !existsSync(cwd))
    return `could not be started: the working directory ${cwd} does not exist`
  if (isAbsolute(command) && existsSync(command))
    return 'is there, but the program that its first line names was not found: see whether that is installed, and whether the file has Windows line endings'
  if (!isAbsolute(command) && command.includes('/'))
    return `was not found; a relative path begins at ${cwd ?? 'the working directory of the gateway'}: write the whole path`
  return 'was not found'
}

/** Whether nothing could be started because the gateway's machine has no more descriptors, processes or memory. */
export function isShortage(error: unknown): boolean {
  // By name: what was redacted is a plain error.
  for (let current = error; isJsonObject(current); current = current['cause'])
    if (current['name'] === 'SpawnFailed') return SHORTAGES.has(String(current['code']))
  return false
}
