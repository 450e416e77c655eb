import type { DatabaseSync } from 'node:sqlite'

/** Each field of a record as a column, for readers of the file. */
const VIEW = `CREATE VIEW tool_usage AS SELECT id, at_ms, tenant_id,
  record->>'subject' AS subject, record->>'agent' AS agent, record->>'face' AS face,
  record->>'sessionId' AS session_id, record->>'requestId' AS request_id, record->>'action' AS action,
  record->>'target' AS target, record->>'server' AS server, record->>'instance' AS instance,
  record->>'effect' AS effect, record->>'ruleId' AS rule_id, record->>'outcome' AS outcome,
  record->>'code' AS code, record->>'durationMs' AS duration_ms, record->>'requestBytes' AS request_bytes,
  record->>'responseBytes' AS response_bytes, record->>'argumentsDigest' AS arguments_digest
FROM usage_records;`

/**
 * Statements that lead from each version of the schema to the next; `user_version` counts those applied. A record is
 * kept as its line, in the one order in which it is read: each further column or index costs a record as much again.
 */
const MIGRATIONS = [
  `CREATE TABLE tool_usage (
     id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, tenant_id TEXT NOT NULL, subject TEXT NOT NULL, agent TEXT,
     face TEXT NOT NULL, session_id TEXT, request_id TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL,
     server TEXT, instance TEXT, effect TEXT NOT NULL, rule_id TEXT NOT NULL, outcome TEXT NOT NULL, code TEXT,
     duration_ms REAL NOT NULL, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
     arguments_digest TEXT NOT NULL
   ) STRICT;`,
  `CREATE TABLE usage_records (
     tenant_id TEXT NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL,
     PRIMARY KEY (tenant_id, at_ms, id)
   ) STRICT, WITHOUT ROWID;
   INSERT INTO usage_records SELECT tenant_id, at_ms, id, json_object(
     'id', id, 'atMs', at_ms, 'tenantId', tenant_id, 'subject', subject, 'agent', agent, 'face', face,
     'sessionId', session_id, 'requestId', request_id, 'action', action, 'target', target, 'server', server,
     'instance', instance, 'effect', effect, 'ruleId', rule_id, 'outcome', outcome, 'code', code,
     'durationMs', duration_ms, 'requestBytes', request_bytes, 'responseBytes', response_bytes,
     'argumentsDigest', arguments_digest) FROM tool_usage;
   DROP TABLE tool_usage;
   ${VIEW}`,
  // One writer: one process at a time has the file. Records from before have no number.
  `ALTER TABLE usage_records ADD COLUMN seq INTEGER;
   ALTER TABLE usage_records ADD COLUMN salt TEXT;
   ALTER TABLE usage_records ADD COLUMN hash TEXT;
   CREATE TABLE audit_chain (
     writer TEXT PRIMARY KEY, seq INTEGER NOT NULL, hash TEXT NOT NULL, began_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE audit_checkpoints (
     writer TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (writer, seq)
   ) STRICT, WITHOUT ROWID;`,
  // Records in the order in which they came, and their keys apart: a table in the order of the keys changes a page for each
  // tenant, and has rows of this size on its inner pages, too.
  `DROP VIEW tool_usage;
   ALTER TABLE usage_records RENAME TO usage_records_before;
   CREATE TABLE usage_records (
     tenant_id TEXT NOT NULL, at_ms INTEGER NOT NULL, id TEXT NOT NULL, record TEXT NOT NULL,
     seq INTEGER, salt TEXT, hash TEXT, PRIMARY KEY (tenant_id, at_ms, id)
   ) STRICT;
   INSERT INTO usage_records SELECT tenant_id, at_ms, id, record, seq, salt, hash FROM usage_records_before;
   DROP TABLE usage_records_before;
   ${VIEW}`,
]

/** Brings the schema of a database to this version. @throws Error when it is of a newer one */
export function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE')
  try {
    const version = versionOf(database)
    if (version > MIGRATIONS.length) throw new Error(`it was written by a newer version (schema ${version})`)
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration)
    database.exec(`PRAGMA user_version = ${MIGRATIONS.length}; COMMIT`)
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/** Whether the schema of a database is that of this version. */
export function isCurrent(database: DatabaseSync): boolean {
  return versionOf(database) === MIGRATIONS.length
}

/** Whether a database has nothing, not even a schema. */
export function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
}
