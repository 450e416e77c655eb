/** Jest strips types with Node's own stripper (`transform: {}`), so there is no compile step and lines are exact. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {},
  restoreMocks: true,
  testTimeout: 30_000,
  coverageProvider: 'v8',
  coverageReporters: ['text-summary', 'json-summary', 'lcov'],
  collectCoverageFrom: ['src/**/*.ts'],
}
