import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** Signed notes (https://c2sp.org/signed-note), as the checksum database of Go and transparency logs have them. */
const ED25519 = 1
const ID_BYTES = 4
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/
const VERIFIER_KEY = /^([^\s+]+)\+([\da-f]{8})\+([A-Za-z0-9+/]+={0,2})$/
/** The fixed beginnings of an Ed25519 key in DER (RFC 8410). */
const PRIVATE_DER = Buffer.from('302e020100300506032b657004220420', 'hex')
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex')

/** A key that signs notes. */
export interface NoteSigner {
  readonly name: string
  /** What others verify with. */
  readonly verifierKey: string
  readonly sign: (text: string) => string
}

/** A key that verifies notes. */
export interface NoteVerifier {
  /** `name+id+key`, as it is given to auditors. */
  readonly verifierKey: string
  readonly isSignature: (text: string, line: string) => boolean
}

/** A signer of a name, from the 32 bytes of an Ed25519 private key. */
export function noteSigner(name: string, seed: Buffer): NoteSigner {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PRIVATE_DER, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const bytes = createPublicKey(privateKey)
    .export({ format: 'der', type: 'spki' })
    .subarray(PUBLIC_DER.length)
  const typed = Buffer.concat([Buffer.of(ED25519), bytes])
  const id = keyId(name, typed)
  return {
    name,
    verifierKey: `${name}+${id.toString('hex')}+${typed.toString('base64')}`,
    sign: (text) => {
      const signature = Buffer.concat([id, sign(null, Buffer.from(text), privateKey)])
      return `— ${name} ${signature.toString('base64')}\n`
    },
  }
}

/** The verifier of a key; undefined when the text is no key of this kind. */
export function noteVerifier(verifierKey: string): NoteVerifier | undefined {
  const [, name, hex, base64] = VERIFIER_KEY.exec(verifierKey) ?? []
  if (name === undefined || base64 === undefined) return undefined
  const typed = Buffer.from(base64, 'base64')
  const id = keyId(name, typed)
  if (typed.length !== KEY_BYTES + 1 || typed[0] !== ED25519 || id.toString('hex') !== hex) return undefined
  const publicKey = publicKeyOf(typed.subarray(1))
  return {
    verifierKey,
    isSignature: (text, line) => {
      const [, signer, given] = LINE.exec(line) ?? []
      const bytes = Buffer.from(given ?? '', 'base64')
      if (signer !== name || bytes.length !== ID_BYTES + SIGNATURE_BYTES) return false
      return (
        bytes.subarray(0, ID_BYTES).equals(id) &&
        verify(null, Buffer.from(text), publicKey, bytes.subarray(ID_BYTES))
      )
    },
  }
}

/** A text, which ends with a line break, with the signatures of all signers. */
export function signedNote(text: string, signers: readonly NoteSigner[]): string {
  return `${text}\n${signers.map((signer) => signer.sign(text)).join('')}`
}

/** The text of a note that one of the verifiers vouches for; undefined if none does. */
export function openNote(note: string, verifiers: readonly NoteVerifier[]): string | undefined {
  const at = note.lastIndexOf('\n\n')
  if (at === -1 || !note.endsWith('\n')) return undefined
  const text = note.slice(0, at + 1)
  const lines = note.slice(at + 2, -1).split('\n')
  return lines.some((line) => verifiers.some((verifier) => verifier.isSignature(text, line)))
    ? text
    : undefined
}

function keyId(name: string, typed: Buffer): Buffer {
  return createHash('sha256').update(`${name}\n`).update(typed).digest().subarray(0, ID_BYTES)
}

function publicKeyOf(bytes: Buffer): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_DER, bytes]), format: 'der', type: 'spki' })
}
