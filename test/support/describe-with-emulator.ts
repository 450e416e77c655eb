import { describe } from '@jest/globals'
import { describeWhere, marked, type Suite } from './describe-where.ts'
import { firestoreBackend, isCi, ON_STAND_IN } from './firestore-backend.ts'

const isStandIn = firestoreBackend().kind === 'stand-in' && !isCi

/** `describe` for what needs Firestore: without the emulator it runs on the stand-in and says so, and in CI it fails. */
export const describeWithEmulator: Suite = isStandIn ? marked(describe, ON_STAND_IN) : describe

/** `describe` for what only the emulator has: without one it is skipped aloud, and in CI it fails. */
export const describeOnEmulatorOnly: Suite = describeWhere(!isStandIn, 'the Firestore emulator and Java')
