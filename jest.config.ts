import { availableParallelism } from 'node:os'
import { join } from 'node:path'

/** Files that hold types only: there is nothing in them to run. */
const TYPES_ONLY = [
  'src/assembly/runtime.ts',
  'src/domain/client-transport.ts',
  'src/audit/audit-store.ts',
  'src/audit/sqlite/sqlite-protocol.ts',
  'src/audit/usage-record.ts',
  'src/registry/registry-source.ts',
  'src/secrets/secrets-source.ts',
  'src/calls/call.ts',
  'src/upstream/messages/client-side.ts',
  'src/upstream/connection/connection.ts',
  'src/upstream/instance/instance-context.ts',
]

const isCounted = process.argv.includes('--coverage')
// Workers and the processes that tests start compile each module once. What was compiled before counts less exactly as
// covered, so that workers that count pass the folder on without using it.
process.env[isCounted ? 'TEST_COMPILE_CACHE' : 'NODE_COMPILE_CACHE'] ??= join(
  import.meta.dirname,
  'node_modules/.cache/compiled',
)

/** Jest strips types with Node's own stripper (`transform: {}`), so there is no compile step and lines are exact. */
// oxlint-disable-next-line import/no-default-export -- Jest takes a configuration that is the default export
export default {
  testEnvironment: '<rootDir>/test/support/jest/environment.ts',
  runtime: '<rootDir>/test/support/jest/runtime.ts',
  globalSetup: '<rootDir>/test/support/jest/global-setup.ts',
  testSequencer: '<rootDir>/test/support/jest/sequencer.ts',
  globalTeardown: '<rootDir>/test/support/jest/global-teardown.ts',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {},
  restoreMocks: true,
  testTimeout: 120_000,
  reporters: ['default', '<rootDir>/test/support/jest/skipped-reporter.ts'],
  // Most of the time tests wait, for processes, connections and time limits; less of it where counting what is covered takes
  // time, too.
  maxWorkers: Math.ceil(availableParallelism() * (isCounted ? 1.5 : 2)),
  // A worker that has grown is replaced, and its successor loads all modules again.
  workerIdleMemoryLimit: '1GB',
  // A request of Firestore's client that was cut waits up to five seconds for its next try, whoever closes the client; a
  // worker that leaves anything else open never ends.
  workerGracefulExitTimeout: 10_000,
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcov'],
  collectCoverageFrom: ['src/**/*.ts', ...TYPES_ONLY.map((path) => `!${path}`)],
  coverageThreshold: {
    global: { lines: 85 },
    './src/domain/': { lines: 95 },
    './src/identity/': { lines: 95 },
    './src/catalog/': { lines: 95 },
    './src/calls/': { lines: 95 },
    './src/mcp/': { lines: 95 },
    './src/upstream/': { lines: 95 },
  },
}
