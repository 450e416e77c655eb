import { randomUUID } from 'node:crypto'
import { chmod, chown, open, rename, stat, unlink } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'
import { fingerprintOf } from './bounded-read.ts'
import { fileErrorCode, onCode } from './file-error.ts'

/** A lock of ours lasts milliseconds; an older one was left behind by a process that died. */
const STALE_LOCK_MS = 10_000
const LOCK_RETRY_MS = 20
const LOCK_TRIES = 250

/** The next text of a file, and the fingerprint of the version that it was made from. */
interface NextText {
  readonly text: string
  readonly basedOn: string
}

/** The fingerprint of a file; empty where there is none. */
export function presentFingerprint(path: string): Promise<string> {
  return fingerprintOf(path).catch(onCode('ENOENT', ''))
}

/**
 * Replaces a file at once and whole, and keeps its mode. Those who replace it this way wait for each other, other
 * processes included. Resolves with false if the file was changed by other means since the version that the text was
 * made from; it then stays as it is.
 * @param next makes the text; called when it is its turn
 */
export async function replaceFile(
  path: string,
  { next, clock }: { next: () => Promise<NextText>; clock: Clock },
): Promise<boolean> {
  const lock = `${path}.lock`
  const draft = `${path}.${randomUUID()}`
  await takeLock(lock, clock)
  try {
    const { text, basedOn } = await next()
    await writeDurably(draft, text)
    await keepMode(path, draft)
    if ((await presentFingerprint(path)) !== basedOn) return false
    await rename(draft, path)
    return true
  } finally {
    await unlink(draft).catch(onCode('ENOENT', undefined))
    await unlink(lock).catch(onCode('ENOENT', undefined))
  }
}

async function takeLock(path: string, clock: Clock): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await (await open(path, 'wx', 0o600)).close()
      return
    } catch (error) {
      if (fileErrorCode(error) !== 'EEXIST' || attempt === LOCK_TRIES) throw error
      const madeAt = await stat(path).then(({ mtimeMs }) => mtimeMs, onCode('ENOENT', Infinity))
      if (clock.now() - madeAt > STALE_LOCK_MS) await unlink(path).catch(onCode('ENOENT', undefined))
      // Not the clock's timer: that lets the process end, and here a command line may be waiting.
      else await setTimeout(LOCK_RETRY_MS)
    }
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** A new file is for this user only; an old one keeps mode and owner, as far as this user may give it away. */
async function keepMode(from: string, to: string): Promise<void> {
  const stats = await stat(from).catch(onCode('ENOENT', undefined))
  if (stats === undefined) return
  await chown(to, stats.uid, stats.gid).catch(() => undefined)
  await chmod(to, stats.mode & 0o7777)
}
