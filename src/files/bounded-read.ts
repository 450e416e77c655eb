import { isUtf8 } from 'node:buffer'
import { constants, open, stat } from 'node:fs/promises'

/** What changes whenever a file changes, is replaced, or a link on its path is swapped. @throws when it is not there */
export async function fingerprintOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}

/**
 * The text of a UTF-8 file of at most `maxBytes`, or what is wrong with its content.
 * @throws Error when it cannot be read or is not a regular file
 */
export async function readLimited(
  path: string,
  maxBytes: number,
): Promise<{ readonly text: string } | { readonly problem: string }> {
  // Without O_NONBLOCK opening a named pipe waits for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error('not a regular file')
    const bytes = stats.size > maxBytes ? undefined : await file.readFile()
    if (bytes === undefined || bytes.length > maxBytes) return { problem: `larger than ${maxBytes} bytes` }
    if (!isUtf8(bytes)) return { problem: 'not valid UTF-8' }
    return { text: new TextDecoder().decode(bytes) }
  } finally {
    await file.close()
  }
}
