import { expect, test } from '@jest/globals'
import { emulatorJar } from './firestore-emulator.ts'

test('in CI the emulator is there', () => {
  expect(emulatorJar() !== undefined || process.env['CI'] === undefined).toBe(true)
})
