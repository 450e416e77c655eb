import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../../src/domain/clock.ts'
import { crc32c } from '../../../src/secrets/vault/crc32c.ts'
import { CloudKms } from '../../../src/secrets/vault/cloud-kms.ts'
import { KeyRefused, KeysUnavailable } from '../../../src/secrets/vault/key-encryption.ts'

const KEY = 'projects/p/locations/l/keyRings/r/cryptoKeys/k'
const PLAIN = randomBytes(32)
const CONTEXT = Buffer.from('whose key it is')

type Fields = Record<string, unknown>

/** Cloud KMS over REST, with versions of one key. */
class KmsServer {
  readonly seen: { path: string; authorization: string | undefined; body: Fields }[] = []
  readonly #keys = [randomBytes(32)]
  readonly #server: Server
  /** Changes an answer on its way. */
  alter: (answer: Fields) => Fields = (answer) => answer
  status = 200

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as Fields
        const path = request.url ?? ''
        this.seen.push({ path, authorization: request.headers.authorization, body })
        const answer = this.status === 200 ? this.#answer(path, body) : undefined
        response.writeHead(answer === undefined ? (this.status === 200 ? 400 : this.status) : 200, {
          'content-type': 'application/json',
        })
        response.end(JSON.stringify(answer === undefined ? { error: { code: 400 } } : this.alter(answer)))
      })
    })
  }

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  rotate(): void {
    this.#keys.unshift(randomBytes(32))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #answer(path: string, body: Fields): Fields | undefined {
    const associated = Buffer.from(String(body['additionalAuthenticatedData']), 'base64')
    if (path === `/v1/${KEY}:encrypt`) {
      const plain = Buffer.from(String(body['plaintext']), 'base64')
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', this.#keys[0] ?? '', iv)
      cipher.setAAD(associated)
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
      const bytes = Buffer.concat([Buffer.from([this.#keys.length]), iv, cipher.getAuthTag(), sealed])
      return {
        name: `${KEY}/cryptoKeyVersions/${this.#keys.length}`,
        ciphertext: bytes.toString('base64'),
        ciphertextCrc32c: String(crc32c(bytes)),
        verifiedPlaintextCrc32c: body['plaintextCrc32c'] === String(crc32c(plain)),
        verifiedAdditionalAuthenticatedDataCrc32c:
          body['additionalAuthenticatedDataCrc32c'] === String(crc32c(associated)),
        protectionLevel: 'SOFTWARE',
      }
    }
    if (path !== `/v1/${KEY}:decrypt`) return undefined
    const bytes = Buffer.from(String(body['ciphertext']), 'base64')
    const key = this.#keys[this.#keys.length - Number(bytes[0])]
    try {
      const decipher = createDecipheriv('aes-256-gcm', key ?? '', bytes.subarray(1, 13))
      decipher.setAAD(associated)
      decipher.setAuthTag(bytes.subarray(13, 29))
      const plain = Buffer.concat([decipher.update(bytes.subarray(29)), decipher.final()])
      return {
        plaintext: plain.toString('base64'),
        plaintextCrc32c: String(crc32c(plain)),
        usedPrimary: Number(bytes[0]) === this.#keys.length,
      }
    } catch {
      return undefined
    }
  }
}

let server: KmsServer
let kms: CloudKms

beforeEach(async () => {
  server = new KmsServer()
  const authorize = (): Promise<Headers> =>
    Promise.resolve(new Headers({ authorization: 'Bearer of-the-gateway' }))
  kms = new CloudKms({ key: KEY, endpoint: await server.open(), authorize, clock: systemClock })
})
afterEach(() => server.close())

test('CRC-32C is that of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
})

describe('Cloud KMS', () => {
  test('wraps and unwraps a key with the credentials of the gateway, bound to its context', async () => {
    const wrapped = await kms.wrap(PLAIN, CONTEXT)
    expect(wrapped.by).toBe(`${KEY}/cryptoKeyVersions/1`)
    expect(await kms.unwrap(wrapped, CONTEXT)).toEqual(PLAIN)
    expect(server.seen.map(({ path, authorization }) => [path, authorization])).toEqual([
      [`/v1/${KEY}:encrypt`, 'Bearer of-the-gateway'],
      [`/v1/${KEY}:decrypt`, 'Bearer of-the-gateway'],
    ])
    await expect(kms.unwrap(wrapped, Buffer.from('another'))).rejects.toThrow(KeyRefused)
  })

  test('unwraps what an earlier version has wrapped, and says that it is no longer current', async () => {
    const wrapped = await kms.wrap(PLAIN, CONTEXT)
    expect(kms.isCurrent(wrapped)).toBe(true)
    server.rotate()
    const later = await kms.wrap(PLAIN, CONTEXT)
    expect([kms.isCurrent(wrapped), kms.isCurrent(later)]).toEqual([false, true])
    expect(await kms.unwrap(wrapped, CONTEXT)).toEqual(PLAIN)
  })

  test('unwraps no key that another key has wrapped', async () => {
    const wrapped = await kms.wrap(PLAIN, CONTEXT)
    const by = wrapped.by.replace('cryptoKeys/k', 'cryptoKeys/k2')
    await expect(kms.unwrap({ ...wrapped, by }, CONTEXT)).rejects.toThrow(KeyRefused)
  })

  test.each([
    ['what it received', (answer: Fields) => ({ ...answer, verifiedPlaintextCrc32c: false })],
    ['what it sent', (answer: Fields) => ({ ...answer, ciphertextCrc32c: '1' })],
  ])('is not believed when a checksum shows that the network has changed %s', async (_, alter) => {
    server.alter = alter
    await expect(kms.wrap(PLAIN, CONTEXT)).rejects.toThrow(KeysUnavailable)
  })

  test.each([403, 429, 500, 503])('that answers %i says nothing about the key', async (status) => {
    const wrapped = await kms.wrap(PLAIN, CONTEXT)
    server.status = status
    await expect(kms.unwrap(wrapped, CONTEXT)).rejects.toThrow(KeysUnavailable)
  })

  test('that cannot be reached is unavailable', async () => {
    const away = new CloudKms({
      key: KEY,
      endpoint: 'http://127.0.0.1:9',
      authorize: () => Promise.resolve(new Headers()),
      clock: systemClock,
    })
    await expect(away.wrap(PLAIN, CONTEXT)).rejects.toThrow(KeysUnavailable)
  })
})
