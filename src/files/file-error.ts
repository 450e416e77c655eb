import { isNativeError } from 'node:util/types'

/** The system's code of a failure, such as `ENOENT`; undefined for every other failure. */
export function fileErrorCode(error: unknown): string | undefined {
  return isNativeError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** For `catch`: gives `value` for a failure with that code, and throws every other one again. */
export function onCode<T>(code: string, value: T): (error: unknown) => T {
  return (error) => {
    if (fileErrorCode(error) === code) return value
    throw error
  }
}
