import { randomUUID } from 'node:crypto'
import { chmod, chown, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'
import { fingerprintOf } from './bounded-read.ts'
import { fileErrorCode, onCode } from './file-error.ts'

/** An older lock was left behind by a process that died, and that nothing is known of. */
const STALE_LOCK_MS = 10_000
/** As old is no lock, even if it seems to be of a process that lives: that may be another one of this number. */
const LONGEST_LOCK_MS = 60_000
const LOCK_RETRY_MS = 20
/** Together longer than until a lock is stale. */
const LOCK_TRIES = 750
/** What comes behind the name of a file for its next text, until it takes its place. */
const DRAFT = /^\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

/** Tells this process from an earlier one of its number, as in a container that was started again. */
const OWN = randomUUID()

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
    await removeDrafts(path, clock)
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

/** What writers that died have left, each a copy of the whole file: so old is none that is being written. */
async function removeDrafts(path: string, clock: Clock): Promise<void> {
  const [folder, name] = [dirname(path), basename(path)]
  const names = await readdir(folder)
  const drafts = names.filter((other) => other.startsWith(name) && DRAFT.test(other.slice(name.length)))
  for (const draft of drafts.map((other) => join(folder, other))) {
    const madeAt = await stat(draft).then(({ mtimeMs }) => mtimeMs, onCode('ENOENT', Infinity))
    if (clock.now() - madeAt > LONGEST_LOCK_MS) await unlink(draft).catch(onCode('ENOENT', undefined))
  }
}

async function takeLock(path: string, clock: Clock): Promise<void> {
  for (let attempt = 1; attempt <= LOCK_TRIES; attempt += 1) {
    try {
      const file = await open(path, 'wx', 0o600)
      // Without a holder it is a lock, too, though a stale one earlier.
      await file.writeFile(`${hostname()} ${process.pid} ${OWN}`).catch(() => undefined)
      await file.close()
      return
    } catch (error) {
      if (fileErrorCode(error) !== 'EEXIST') throw error
      if (await isStale(path, clock)) await unlink(path).catch(onCode('ENOENT', undefined))
      // Not the clock's timer: that lets the process end, and here a command line may be waiting.
      else await setTimeout(LOCK_RETRY_MS)
    }
  }
  throw new Error(`another program holds ${basename(path)}`)
}

async function isStale(path: string, clock: Clock): Promise<boolean> {
  const madeAt = await stat(path).then(({ mtimeMs }) => mtimeMs, onCode('ENOENT', Infinity))
  const [host, number, token] = (await readFile(path, 'utf8').catch(onCode('ENOENT', ''))).split(' ')
  const age = clock.now() - madeAt
  if (host !== hostname() || !/^[1-9]\d{0,9}$/.test(number ?? '')) return age > STALE_LOCK_MS
  return age > LONGEST_LOCK_MS || !isAlive(Number(number), token)
}

/** Whether the process that made a lock may live. */
function isAlive(pid: number, token: string | undefined): boolean {
  if (pid === process.pid) return token === OWN
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return fileErrorCode(error) !== 'ESRCH'
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
