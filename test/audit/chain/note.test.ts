import { expect, test } from '@jest/globals'
import { noteSigner, noteVerifier, openNote, signedNote } from '../../../src/audit/chain/note.ts'

// The key and the note of the tests of golang.org/x/mod/sumdb/note.
const VERIFIER_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const SEED = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1)
const TEXT =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const NOTE = `${TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`

const verifiers = [noteVerifier(VERIFIER_KEY)].filter((verifier) => verifier !== undefined)

test('notes and keys are those that Go signs and verifies', () => {
  const signer = noteSigner('PeterNeumann', SEED)
  expect(signer.verifierKey).toBe(VERIFIER_KEY)
  expect(signedNote(TEXT, [signer])).toBe(NOTE)
  expect(openNote(NOTE, verifiers)).toBe(TEXT)
})

test('a note with one changed character is not opened, wherever that is', () => {
  for (let at = 0; at < NOTE.length; at += 1) {
    const changed = `${NOTE.slice(0, at)}${NOTE[at] === 'A' ? 'B' : 'A'}${NOTE.slice(at + 1)}`
    expect(openNote(changed, verifiers)).toBeUndefined()
  }
})

test('one signature of a known key is enough, and of unknown keys none', () => {
  const other = noteSigner('other', Buffer.alloc(32, 1))
  expect(openNote(signedNote(TEXT, [other, noteSigner('PeterNeumann', SEED)]), verifiers)).toBe(TEXT)
  expect(openNote(signedNote(TEXT, [other]), verifiers)).toBeUndefined()
  expect(
    openNote(signedNote(TEXT, [noteSigner('PeterNeumann', Buffer.alloc(32, 1))]), verifiers),
  ).toBeUndefined()
})

test.each([
  '',
  'PeterNeumann',
  VERIFIER_KEY.slice(0, -4),
  VERIFIER_KEY.replace('c7', 'c8'),
  `${VERIFIER_KEY}AAAA`,
])('%p is no key', (text) => expect(noteVerifier(text)).toBeUndefined())
