import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { readOrCreatePrivateFile } from '../../files/private-file.ts'

const KEY_FILE = 'audit-digest.key'
const KEY_BYTES = 32

/**
 * The key of the argument digests, from `audit-digest.key` in `dir`, which is created the first time.
 * @throws Error if the file is not a valid key, or other users can read it
 */
export async function readDigestKey(dir: string): Promise<Buffer> {
  const path = join(dir, KEY_FILE)
  const text = await readOrCreatePrivateFile(path, () => `${randomBytes(KEY_BYTES).toString('hex')}\n`)
  const key = Buffer.from(text.trim(), 'hex')
  if (key.length !== KEY_BYTES) throw new Error(`${path} is not an audit digest key (64 hex digits)`)
  return key
}
