import { access, constants } from 'node:fs/promises'
import { resolve } from 'node:path'
import { isNativeError } from 'node:util/types'
import { SettingsError } from './load.ts'
import { makePrivateDirectory } from '../files/private-file.ts'

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  EEXIST: 'a file with this name exists',
  ENOTDIR: 'it or a folder above it is a file',
  ENOENT: 'a folder cannot be created there',
  ENOSPC: 'the disk is full',
  ELOOP: 'it is a symbolic link that refers to itself',
  ENAMETOOLONG: 'the name is too long',
}

/** Makes the data directory, or sees that it can be used. @throws SettingsError naming DATA_DIR and what is wrong */
export async function makeDataDirectory(dir: string): Promise<void> {
  try {
    await makePrivateDirectory(dir)
    await access(dir, constants.W_OK | constants.X_OK)
  } catch (error) {
    const code = isNativeError(error) && 'code' in error ? String(error.code) : ''
    const reason = REASONS[code] ?? (code || String(error))
    throw new SettingsError([
      {
        name: 'DATA_DIR',
        expected: `a folder that this user can create and write to, but ${resolve(dir)} is not: ${reason}`,
      },
    ])
  }
}
