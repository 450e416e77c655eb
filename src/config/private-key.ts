import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import { readOrCreatePrivateFile } from '../files/private-file.ts'
import type { Settings } from './settings.ts'

const KEY_BYTES = 32

/** Name of the file in the data directory that holds the key for sealed state, unless STATE_KEY is set. */
export const STATE_KEY_FILE = 'state.key'

/**
 * The keys that seal what clients carry, which all replicas share: those of the settings, or one that is made in the
 * data directory.
 * @throws Error when the file of the key holds no key, or other users can read it
 */
export async function stateKeys({
  stateKey,
  stateKeyPrevious,
  dataDir,
}: Pick<Settings, 'stateKey' | 'stateKeyPrevious' | 'dataDir'>): Promise<KeyRing> {
  const previous = stateKeyPrevious === undefined ? undefined : Buffer.from(stateKeyPrevious, 'hex')
  return { current: await privateKey(stateKey, join(dataDir, STATE_KEY_FILE)), previous }
}

/**
 * A key of 32 bytes: `given` as 64 hex digits, else that of the file at `path`, which is made the first time.
 * @throws Error when the file holds no such key, or other users can read it
 */
export async function privateKey(given: string | undefined, path: string): Promise<Buffer> {
  if (given !== undefined) return Buffer.from(given, 'hex')
  const text = await readOrCreatePrivateFile(path, () => `${randomBytes(KEY_BYTES).toString('hex')}\n`)
  const key = Buffer.from(text.trim(), 'hex')
  if (key.length !== KEY_BYTES) throw new Error(`${path} is not a key of the gateway (64 hex digits)`)
  return key
}
