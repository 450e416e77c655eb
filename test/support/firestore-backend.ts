import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What Firestore tests run against: the emulator that FIRESTORE_EMULATOR_HOST names, one of their own, or the
 * stand-in in the process of the test.
 */
export type FirestoreBackend =
  | { readonly kind: 'given'; readonly host: string }
  | { readonly kind: 'own'; readonly jar: string }
  | { readonly kind: 'stand-in' }

/** In titles of suites, whose tests the reporter counts. */
export const ON_STAND_IN = '[on the stand-in for Firestore]'

/** Names the emulator that the workers of one run share. */
export const SHARED_EMULATOR = 'TEST_FIRESTORE_EMULATOR'

/** In CI the stand-in does not do. */
export const isCi = process.env['CI'] !== undefined

// Tests point FIRESTORE_EMULATOR_HOST at what they have started: what counts is how it was before.
const givenHost = process.env['FIRESTORE_EMULATOR_HOST'] || process.env[SHARED_EMULATOR] || undefined
const isForced = process.env['FIRESTORE_TESTS'] === 'stand-in'
let chosen: FirestoreBackend | undefined

export function firestoreBackend(): FirestoreBackend {
  return (chosen ??= choose())
}

function choose(): FirestoreBackend {
  if (isForced) return { kind: 'stand-in' }
  if (givenHost !== undefined) return { kind: 'given', host: givenHost }
  const jar = succeeds('java', ['-version']) ? findJar() : undefined
  return jar === undefined ? { kind: 'stand-in' } : { kind: 'own', jar }
}

function findJar(): string | undefined {
  const own = process.env['FIRESTORE_EMULATOR_JAR']
  if (own !== undefined && existsSync(own)) return own
  const places = [
    process.env['CLOUDSDK_ROOT_DIR'],
    '/usr/lib/google-cloud-sdk',
    '/usr/share/google-cloud-sdk',
  ]
  // gcloud is asked last: it takes a second to answer.
  return places.map(jarIn).find((jar) => jar !== undefined) ?? jarIn(sdkRoot())
}

function jarIn(root: string | undefined): string | undefined {
  if (root === undefined) return undefined
  const path = join(root, 'platform/cloud-firestore-emulator/cloud-firestore-emulator.jar')
  return existsSync(path) ? path : undefined
}

function sdkRoot(): string | undefined {
  try {
    return execFileSync('gcloud', ['info', '--format=value(installation.sdk_root)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .toString()
      .trim()
  } catch {
    return undefined
  }
}

function succeeds(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
