import { createHash, randomBytes } from 'node:crypto'
import { readOrCreatePrivateFile, replacePrivateFile } from '../../files/private-file.ts'
import { decrypt, encrypt, KEY_BYTES } from './envelope.ts'
import { type KeyEncryption, KeyRefused, KeysUnavailable, type WrappedKey } from './key-encryption.ts'

const KEY = /^[0-9a-f]{64}$/i

/** Keys of this machine: the first one wraps, all of them unwrap. */
export class LocalKeys implements KeyEncryption {
  readonly #read: () => Promise<readonly Buffer[]>
  readonly #write: (keys: readonly Buffer[]) => Promise<void>
  #keys: Promise<ReadonlyMap<string, Buffer>> | undefined
  #current: string | undefined

  private constructor(options: {
    read: () => Promise<readonly Buffer[]>
    write: (keys: readonly Buffer[]) => Promise<void>
  }) {
    this.#read = options.read
    this.#write = options.write
  }

  /** Keys of a file that only this user may read, a line of 64 hex digits each; it is made with the first use. */
  static inFile(path: string): LocalKeys {
    return new LocalKeys({
      read: async () => {
        const text = await readOrCreatePrivateFile(path, () => lineOf(randomBytes(KEY_BYTES)))
        return keysIn(text, path)
      },
      write: (keys) => replacePrivateFile(path, keys.map(lineOf).join('')),
    })
  }

  /** Keys that the settings hold; whoever wrote them rotates them, by a new one in front. */
  static given(keys: readonly string[]): LocalKeys {
    return new LocalKeys({
      read: () => Promise.resolve(keys.map((key) => Buffer.from(key, 'hex'))),
      write: () => Promise.resolve(),
    })
  }

  async wrap(key: Buffer, context: Buffer): Promise<WrappedKey> {
    const keys = await this.#all()
    const by = this.#current ?? ''
    const current = keys.get(by)
    if (current === undefined) throw new KeysUnavailable('there is no key of the vault')
    return { by, bytes: encrypt(current, key, context) }
  }

  async unwrap({ by, bytes }: WrappedKey, context: Buffer): Promise<Buffer> {
    const key = (await this.#all()).get(by)
    if (key === undefined) throw new KeyRefused(`the key ${by} of the vault is not here`)
    const opened = decrypt(key, bytes, context)
    if (opened === undefined) throw new KeyRefused('the key of an entry of the vault does not open')
    return opened
  }

  isCurrent({ by }: WrappedKey): boolean {
    return by === this.#current
  }

  async rotate(): Promise<void> {
    const keys = [...(await this.#all()).values()]
    await this.#write([randomBytes(KEY_BYTES), ...keys])
    this.#keys = undefined
    await this.#all()
  }

  async #all(): Promise<ReadonlyMap<string, Buffer>> {
    const loading = (this.#keys ??= this.#read().then((keys) => {
      this.#current = keys[0] && idOf(keys[0])
      return new Map(keys.map((key) => [idOf(key), key]))
    }))
    try {
      return await loading
    } catch (cause) {
      this.#keys = undefined
      throw new KeysUnavailable('the keys of the vault cannot be read', { cause })
    }
  }
}

/** A name that tells nothing of the key. */
function idOf(key: Buffer): string {
  return `local:${createHash('sha256').update('tool-gateway vault key').update(key).digest('hex').slice(0, 16)}`
}

function lineOf(key: Buffer): string {
  return `${key.toString('hex')}\n`
}

function keysIn(text: string, path: string): Buffer[] {
  const lines = text.split('\n').filter((line) => line !== '')
  if (lines.length === 0 || !lines.every((line) => KEY.test(line)))
    throw new Error(`${path} has no keys of the vault (64 hex digits a line)`)
  return lines.map((line) => Buffer.from(line, 'hex'))
}
