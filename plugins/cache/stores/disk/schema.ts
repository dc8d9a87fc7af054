/**
 * The index of the disk store: one SQLite file in WAL mode that every worker process shares. Triggers keep the totals
 * exact in the same transaction as the rows that they count.
 */
import type { DatabaseSync } from 'node:sqlite'

/** Another version of the tables in the file is dropped with its entries: it is only a cache. */
const SCHEMA_VERSION = 1
/** How long a transaction waits for the one of another process. */
export const BUSY_TIMEOUT_MS = 2_000
/** The write-ahead log is moved into the index after this many pages (4 MiB) and cut back to this many bytes. */
const WAL_PAGES = 1_000
const WAL_LIMIT_BYTES = 8 * 1024 * 1024

const TABLES = `
  CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    key_hash BLOB NOT NULL,
    variant_hash BLOB NOT NULL,
    key TEXT NOT NULL,
    variant TEXT NOT NULL,
    head TEXT NOT NULL,
    url TEXT NOT NULL,
    route TEXT NOT NULL,
    tags TEXT NOT NULL,
    generation TEXT NOT NULL,
    body_length INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    boot TEXT NOT NULL,
    stored_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (key_hash, variant_hash)
  );
  CREATE UNIQUE INDEX entries_generation ON entries (generation);
  CREATE INDEX entries_url ON entries (url);
  CREATE INDEX entries_route ON entries (route);
  CREATE INDEX entries_used_at ON entries (used_at);
  CREATE INDEX entries_expires_at ON entries (expires_at);
  CREATE TABLE tags (tag TEXT NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (tag, entry)) WITHOUT ROWID;
  CREATE INDEX tags_entry ON tags (entry);
  CREATE TABLE purges (sequence INTEGER PRIMARY KEY, selector TEXT NOT NULL);
  CREATE TABLE locks (key_hash BLOB PRIMARY KEY, token TEXT NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE totals (entries INTEGER NOT NULL, bytes INTEGER NOT NULL, purge_sequence INTEGER NOT NULL);
  INSERT INTO totals VALUES (0, 0, 0);
  CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
    UPDATE totals SET entries = entries + 1, bytes = bytes + new.bytes;
  END;
  CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
    UPDATE totals SET entries = entries - 1, bytes = bytes - old.bytes;
    DELETE FROM tags WHERE entry = old.id;
  END;
  PRAGMA user_version = ${SCHEMA_VERSION};
`

const DROP = ['entries', 'tags', 'purges', 'locks', 'totals'].map(name => `DROP TABLE IF EXISTS ${name};`).join('\n')

/**
 * Makes the connection fit for writing and the tables those of this version.
 * @throws the errors of SQLite
 */
export function prepareIndex(db: DatabaseSync): void {
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${WAL_PAGES};
    PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES}; PRAGMA trusted_schema = OFF;`)
  db.exec('BEGIN IMMEDIATE')
  try {
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
    if (version !== SCHEMA_VERSION) db.exec(DROP + TABLES)
    db.exec('COMMIT')
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}
