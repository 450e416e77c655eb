import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { readOrCreatePrivateFile, readPrivateFile, replacePrivateFile } from '../../files/private-file.ts'
import { KEY_NAME } from './checkpoint.ts'
import { type NoteSigner, noteSigner } from './note.ts'

const KEY_FILE = 'audit-signing.key'
const KEY_BYTES = 32
const HEX_KEY = /^[\da-f]{64}$/

/** The keys of checkpoints, each 64 hex digits. */
export interface SigningKeySettings {
  readonly dataDir: string
  readonly auditSigningKey?: string | undefined
  readonly auditSigningKeyPrevious?: string | undefined
}

/**
 * The keys that sign checkpoints, the current one first. Without one in the settings it is in a file of the data
 * directory, which is made the first time; a second line there is the key before it.
 * @throws Error if the file is not a valid key, or other users can read it
 */
export async function openSigningKeys({
  dataDir,
  auditSigningKey,
  auditSigningKeyPrevious,
}: SigningKeySettings): Promise<[NoteSigner, ...NoteSigner[]]> {
  const given = auditSigningKey === undefined ? await keysIn(dataDir) : [auditSigningKey]
  const [current = '', ...previous] =
    auditSigningKeyPrevious === undefined ? given : [...given, auditSigningKeyPrevious]
  return [signerOf(current), ...previous.map(signerOf)]
}

/** What checkpoints are verified with, the current key first; nothing is made, and there may be none yet. */
export async function readVerifierKeys(settings: SigningKeySettings): Promise<string[]> {
  const { dataDir, auditSigningKey: current, auditSigningKeyPrevious: previous } = settings
  const text = current ?? (await readPrivateFile(join(dataDir, KEY_FILE)))
  if (text === undefined) return []
  const keys = checked(text, join(dataDir, KEY_FILE))
  return [...keys, ...(previous === undefined ? [] : [previous])].map((key) => signerOf(key).verifierKey)
}

/** Makes a new key in the data directory; the one before signs too, so that those who know it learn the new one. */
export async function rotateSigningKey(dataDir: string): Promise<void> {
  const [current = newKey()] = await keysIn(dataDir)
  await replacePrivateFile(join(dataDir, KEY_FILE), `${newKey()}\n${current}\n`)
}

async function keysIn(dataDir: string): Promise<string[]> {
  const path = join(dataDir, KEY_FILE)
  return checked(await readOrCreatePrivateFile(path, () => `${newKey()}\n`), path)
}

function newKey(): string {
  return randomBytes(KEY_BYTES).toString('hex')
}

function checked(text: string, path: string): string[] {
  const keys = text.trim().split(/\s+/)
  if (keys.length > 2 || !keys.every((key) => HEX_KEY.test(key)))
    throw new Error(
      `${path} has no key of audit checkpoints (64 hex digits, and on a second line the key before it)`,
    )
  return keys
}

function signerOf(key: string): NoteSigner {
  return noteSigner(KEY_NAME, Buffer.from(key, 'hex'))
}
