/**
 * Test files that take long where nobody has measured them yet, by path below `test/`: about how many seconds, most of which
 * they wait for processes and time limits.
 */
export const LONG_FILES: Readonly<Record<string, number>> = {
  'faults/replicas.test.ts': 50,
  'e2e/cloud-outage.test.ts': 40,
  'faults/drain.test.ts': 34,
  'upstream/connection/stdio.test.ts': 21,
  'e2e/account-replicas.test.ts': 20,
  'e2e/direct-conversations.test.ts': 20,
  'e2e/fleet-processes.test.ts': 20,
  'e2e/fleet-routing.test.ts': 20,
  'faults/killed.test.ts': 17,
  'e2e/install.test.ts': 15,
  'upstream/packages/package-installer.test.ts': 14,
  'e2e/account-killed.test.ts': 14,
  'e2e/start-problems.test.ts': 14,
  'oauth/client-approval.test.ts': 13,
  'e2e/live-edit.test.ts': 12,
  'audit/firestore/firestore-audit-store.test.ts': 12,
  'cli/connect/sign-in.test.ts': 11,
  'e2e/examples.test.ts': 11,
  'e2e/management.test.ts': 11,
  'e2e/odd-servers.test.ts': 11,
  'state/sqlite-state-store.test.ts': 11,
  'e2e/cancellation.test.ts': 10,
  'e2e/direct-path.test.ts': 10,
  'registry/firestore-emulator.test.ts': 10,
  'bench/run.test.ts': 9,
  'e2e/quick-start.test.ts': 9,
  'e2e/tasks-everything.test.ts': 8,
  'e2e/websocket-end.test.ts': 8,
}
