import { describe } from '@jest/globals'
import { emulatorJar } from './firestore-emulator.ts'

const isMissing = emulatorJar() === undefined && process.env['CI'] === undefined
if (isMissing) process.stderr.write('NOT RUN: tests that need Java and the Firestore emulator\n')

/** `describe` for what needs the Firestore emulator: without one it is skipped aloud, and in CI it fails. */
export const describeWithEmulator = isMissing ? describe.skip : describe
