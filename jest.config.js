/** Files that hold types only: there is nothing in them to run. */
const TYPES_ONLY = [
  'src/audit/audit-store.ts',
  'src/audit/sqlite-protocol.ts',
  'src/audit/usage-record.ts',
  'src/registry/registry-source.ts',
  'src/registry/secrets-source.ts',
  'src/routing/call.ts',
  'src/upstream/connection/client-side.ts',
  'src/upstream/connection/connection.ts',
  'src/upstream/instance-context.ts',
]

/** Jest strips types with Node's own stripper (`transform: {}`), so there is no compile step and lines are exact. */
export default {
  testEnvironment: '<rootDir>/test/support/jest-environment.ts',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {},
  restoreMocks: true,
  testTimeout: 120_000,
  reporters: ['default', '<rootDir>/test/support/firestore-reporter.ts'],
  // In workers that are replaced when they grow: measuring coverage gets slower with every script a process has seen.
  maxWorkers: 2,
  workerIdleMemoryLimit: '512MB',
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcov'],
  collectCoverageFrom: ['src/**/*.ts', ...TYPES_ONLY.map((path) => `!${path}`)],
  coverageThreshold: {
    global: { lines: 85 },
    './src/domain/': { lines: 95 },
    './src/auth/': { lines: 95 },
    './src/catalog/': { lines: 95 },
    './src/routing/': { lines: 95 },
    './src/mcp/': { lines: 95 },
    './src/upstream/': { lines: 95 },
  },
}
