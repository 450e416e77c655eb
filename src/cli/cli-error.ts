import { DamagedDatabaseError } from '../audit/sqlite/damage.ts'
import { messageOf } from '../domain/errors/errors.ts'
import { fileErrorCode } from '../files/file-error.ts'

/** Exit codes that scripts can rely on: from 64 the numbers of sysexits.h. */
export const CLI_EXIT = {
  ok: 0,
  /** The gateway answered with an error, or a tool reported a failure. */
  failed: 1,
  /** A dry run found something to do. */
  differs: 1,
  /** No gateway answers, or Firestore or a file of it is not available. */
  unavailable: 2,
  /** The command line is wrong. */
  usage: 64,
  /** A file or a document in it is not valid. */
  data: 65,
  /** The token is missing, not valid, or does not allow it. */
  denied: 77,
  /** A setting, or a file or folder in DATA_DIR, cannot be used. */
  config: 78,
} as const

/** What went wrong, in words for the person at the command line, and the exit code for scripts. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number

  constructor(kind: Exclude<keyof typeof CLI_EXIT, 'ok' | 'differs'>, message: string) {
    super(message)
    this.exitCode = CLI_EXIT[kind]
  }
}

/** What the system says of files and folders that cannot be used; it names them. */
const FILE_ERRORS: ReadonlySet<string> = new Set(
  'EACCES EBUSY EDQUOT EEXIST EFBIG EIO EISDIR ELOOP EMFILE ENAMETOOLONG ENFILE ENOENT ENOSPC ENOTDIR ENOTEMPTY EPERM EROFS EXDEV'.split(
    ' ',
  ),
)
/** What V8 says of recursion, and of texts, that have no room. */
const TOO_MUCH = /^(Maximum call stack size exceeded|Invalid string length)/

/** What a command threw as words for the person at the command line; undefined for what is a fault of this program. */
export function asCliError(error: unknown): CliError | undefined {
  if (error instanceof CliError) return error
  if (error instanceof DamagedDatabaseError) return new CliError('data', error.message)
  const message = messageOf(error)
  if (FILE_ERRORS.has(fileErrorCode(error) ?? '')) return new CliError('config', message)
  if (fileErrorCode(error) === 'ERR_SQLITE_ERROR')
    return new CliError('config', `a database in DATA_DIR cannot be used: ${message}`)
  if (error instanceof RangeError && TOO_MUCH.test(message))
    return new CliError('data', `what was given is nested too deeply or too long (${message})`)
  return undefined
}
