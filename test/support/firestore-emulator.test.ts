import { expect, test } from '@jest/globals'
import { firestoreBackend, isCi } from './firestore-backend.ts'

test('in CI the emulator is there', () => {
  expect(firestoreBackend().kind === 'stand-in' && isCi).toBe(false)
})
