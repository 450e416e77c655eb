import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { KernelWrites, type KernelWritesOptions } from '../../../src/audit/spool/kernel-writes.ts'
import { systemClock } from '../../../src/domain/clock.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const KIB = 1024

describe('bytes for the kernel', () => {
  /** Writes to a new file, and how many bytes were written in this thread. */
  async function writing(writeHere: KernelWritesOptions['writeHere'] = writeSync): Promise<
    AsyncDisposable & {
      writes: KernelWrites
      time: { ms: number }
      fd: number
      write: (text: string) => Promise<number>
      content: () => string
    }
  > {
    const dir = await temporaryDirectory()
    const path = join(dir.path, 'file')
    const fd = openSync(path, 'ax+')
    const time = { ms: 0 }
    let here = 0
    const writes = new KernelWrites({
      clock: { monotonic: () => time.ms },
      writeHere: (...args) => {
        const count = writeHere(...args)
        here += count
        return count
      },
    })
    return {
      writes,
      time,
      fd,
      write: async (text) => {
        const before = here
        await writes.write(fd, Buffer.from(text))
        return here - before
      },
      content: () => readFileSync(path, 'utf8'),
      [Symbol.asyncDispose]: async () => {
        closeSync(fd)
        await dir[Symbol.asyncDispose]()
      },
    }
  }

  test('are there when it returns', async () => {
    await using file = await writing()
    const written = file.writes.write(file.fd, Buffer.from('größe\n'))
    expect(file.content()).toBe('größe\n')
    await written
  })

  test('all follow where it takes them piece by piece', async () => {
    await using file = await writing((fd, bytes, start) => writeSync(fd, bytes, start, 1))
    expect(await file.write('abc\n')).toBe(4)
    expect(file.content()).toBe('abc\n')
  })

  test('are written by another thread while files are synced, however that ends', async () => {
    await using file = await writing()
    const { promise, reject } = Promise.withResolvers<void>()
    const synced = file.writes.whileSyncing(() => promise)
    expect(await file.write('a')).toBe(0)
    reject(new Error('the disk fails'))
    await expect(synced).rejects.toThrow('the disk fails')
    expect(await file.write('b')).toBe(1)
    expect(file.content()).toBe('ab')
  })

  test('are written by another thread for 10 s after a write that took longer than 10 ms, also one that failed', async () => {
    let tookMs = 11
    let fails = false
    await using file = await writing((...args) => {
      file.time.ms += tookMs
      if (fails) throw new Error('no space')
      return writeSync(...args)
    })
    expect([await file.write('a'), await file.write('b')]).toEqual([1, 0])
    file.time.ms += 9999
    expect(await file.write('c')).toBe(0)
    file.time.ms += 1
    tookMs = 10
    expect([await file.write('d'), await file.write('e')]).toEqual([1, 1])
    tookMs = 11
    fails = true
    await expect(file.write('f')).rejects.toThrow('no space')
    expect(await file.write('g')).toBe(0)
    expect(file.content()).toBe('abcdeg')
  })

  test('are written by another thread when they are many', async () => {
    await using file = await writing()
    const [small, large] = ['a'.repeat(64 * KIB), 'b'.repeat(64 * KIB + 1)]
    expect([await file.write(small), await file.write(large)]).toEqual([64 * KIB, 0])
    expect(file.content()).toBe(small + large)
  })

  test('that it does not take are an error, in this thread and in another one', async () => {
    const writes = new KernelWrites({ clock: systemClock })
    const failing = (): Promise<void> => writes.write(1_000_000, Buffer.from('a'))
    await expect(failing()).rejects.toThrow('EBADF')
    await expect(writes.whileSyncing(failing)).rejects.toThrow('EBADF')
  })
})
