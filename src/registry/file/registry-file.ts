import { presentFingerprint } from '../../files/replace-file.ts'
import { readLimited } from '../../files/bounded-read.ts'
import {
  MAX_REGISTRY_BYTES,
  readLargeRegistryText,
  type RegistryContent,
  type RegistryText,
} from './registry-text.ts'

/** A file that is too large for a gateway is read all the same, so that it can be made smaller. */
const MAX_READ_BYTES = 2 * MAX_REGISTRY_BYTES

/** A version of a registry file. */
export interface RegistryVersion {
  readonly text: string
  /** Undefined where the file is empty or not there. */
  readonly registry: RegistryContent | undefined
  readonly fingerprint: string
}

type Version = RegistryVersion | { readonly problem: string }

/** A registry file for those who read it often: a text is parsed once, for as long as the file says it. */
export class RegistryFile {
  readonly #path: string
  #last: { readonly text: string; readonly read: Promise<RegistryText> } | undefined
  #reading: Promise<unknown> = Promise.resolve()
  #next: Promise<Version> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /**
   * What the file says from now on. All who ask while it is being read for others wait for the next reading together.
   * @throws Error when it cannot be read
   */
  now(): Promise<Version> {
    this.#next ??= this.#readNext(this.#reading)
    return this.#next
  }

  /** What the file at `path` says, which a link may have led to. @throws Error when it cannot be read */
  async readAt(path: string): Promise<Version> {
    const fingerprint = await presentFingerprint(path)
    if (fingerprint === '') return { text: '', registry: undefined, fingerprint }
    const content = await readLimited(path, MAX_READ_BYTES)
    if ('problem' in content) return content
    const { text } = content
    if (text.trim() === '') return { text: '', registry: undefined, fingerprint }
    const registry = await this.parsed(text)
    return 'problem' in registry ? registry : { text, registry, fingerprint }
  }

  /** As `readLargeRegistryText`, once for the same text. */
  async parsed(text: string): Promise<RegistryText> {
    const last = this.#last?.text === text ? this.#last : { text, read: readLargeRegistryText(text) }
    this.#last = last
    const registry = await last.read
    // A thread may have failed at it only this time.
    if ('problem' in registry && this.#last === last) this.#last = undefined
    return registry
  }

  async #readNext(before: Promise<unknown>): Promise<Version> {
    await before
    const reading = this.readAt(this.#path)
    this.#reading = reading.catch(() => undefined)
    this.#next = undefined
    return await reading
  }
}
