import { describe } from '@jest/globals'
import { firestoreBackend, isCi, NEEDS_EMULATOR, ON_STAND_IN } from './firestore-backend.ts'

type Suite = (title: string, tests: () => void) => void

const isStandIn = firestoreBackend().kind === 'stand-in' && !isCi

/** `describe` for what needs Firestore: without the emulator it runs on the stand-in and says so, and in CI it fails. */
export const describeWithEmulator: Suite = isStandIn ? marked(describe, ON_STAND_IN) : describe

/** `describe` for what only the emulator has: without one it is skipped aloud, and in CI it fails. */
export const describeOnEmulatorOnly: Suite = isStandIn ? marked(describe.skip, NEEDS_EMULATOR) : describe

function marked(suite: Suite, mark: string): Suite {
  return (title, tests) => suite(`${title} ${mark}`, tests)
}
