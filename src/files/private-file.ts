import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileErrorCode, onCode } from './file-error.ts'

const OTHERS = 0o077

/** Makes a directory that only this user may enter, parents included; one that exists is left as it is. */
export async function makePrivateDirectory(path: string): Promise<void> {
  await made(path).catch(async (error: unknown) => {
    const parent = dirname(path)
    if (fileErrorCode(error) !== 'ENOENT' || parent === path) throw error
    await makePrivateDirectory(parent)
    await made(path)
  })
}

/** One folder; `mkdir` with `recursive` never ends where a file system takes no folders, as /proc. */
async function made(path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
    const isThere = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    )
    if (!isThere) throw error
  })
}

/**
 * The text of a file that only this user may read (mode 0600). If there is none, it is made from `create`, whole or
 * not at all, and when several processes do so at once, all get the text of the one that won.
 * @throws Error when other users can read the file
 */
export async function readOrCreatePrivateFile(
  path: string,
  create: () => string | Promise<string>,
): Promise<string> {
  const existing = await readPrivateFile(path)
  if (existing !== undefined) return existing
  await makePrivateDirectory(dirname(path))
  await createOnce(path, await create())
  const text = await readPrivateFile(path)
  if (text === undefined) throw new Error(`${path} was removed while it was being created`)
  return text
}

/** Replaces the text of a file that only this user may read, whole or not at all. */
export async function replacePrivateFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    await written(draft, text)
    await rename(draft, path)
  } catch (error) {
    // Whoever reads it later would take it for something: it may hold a part of a key.
    await unlink(draft).catch(() => undefined)
    throw error
  }
}

async function written(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * The text of a file that only this user may read, or undefined if there is no such file.
 * @throws Error when other users can read the file
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const file = await open(path, 'r').catch(onCode('ENOENT', undefined))
  if (file === undefined) return undefined
  try {
    const { mode } = await file.stat()
    if ((mode & OTHERS) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0')
      throw new Error(
        `${path} can be read by other users (mode ${octal}). Replace it, or chmod 0600 if it was never exposed.`,
      )
    }
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** A link appears with its whole content and fails where the name is taken, which a rename does not. */
async function createOnce(path: string, text: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    await written(draft, text)
    await link(draft, path).catch(onCode('EEXIST', undefined))
  } finally {
    await unlink(draft).catch(onCode('ENOENT', undefined))
  }
}
