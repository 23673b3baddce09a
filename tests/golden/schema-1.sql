-- A database of schema version 1, with something in every state. It never changes.
PRAGMA journal_mode = wal;
CREATE TABLE replica (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    scope         TEXT NOT NULL,
    principal     TEXT,
    client        TEXT NOT NULL,
    generation    INTEGER NOT NULL DEFAULT 1,
    generations   INTEGER NOT NULL DEFAULT 1,
    cursor        INTEGER NOT NULL DEFAULT 0,
    tag           TEXT,
    wire          TEXT,
    bootstrapped  INTEGER NOT NULL DEFAULT 0,
    resync        INTEGER NOT NULL DEFAULT 0,
    app_version   TEXT NOT NULL DEFAULT '',
    dialect_version TEXT NOT NULL DEFAULT ''
);
CREATE TABLE stage (
    one               INTEGER PRIMARY KEY CHECK (one = 1),
    generation        INTEGER NOT NULL,
    cursor            INTEGER NOT NULL,
    tag               TEXT,
    newest_cursor     INTEGER,
    newest_tag        TEXT,
    after_collection  TEXT,
    after_id          TEXT,
    rows              INTEGER NOT NULL,
    total             INTEGER
);
CREATE TABLE entity (
    generation  INTEGER NOT NULL,
    collection  TEXT NOT NULL,
    id          TEXT NOT NULL,
    data        TEXT,
    base        TEXT,
    overlay     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (generation, collection, id)
) WITHOUT ROWID;
CREATE TABLE mutation (
    seq            INTEGER PRIMARY KEY AUTOINCREMENT,
    id             TEXT NOT NULL,
    name           TEXT NOT NULL,
    args           TEXT,
    created_at     INTEGER NOT NULL,
    retries        TEXT,
    state          INTEGER NOT NULL DEFAULT 0,
    sent_at        INTEGER,
    failures       INTEGER NOT NULL DEFAULT 0,
    suspect        INTEGER NOT NULL DEFAULT 0,
    attempts       INTEGER NOT NULL DEFAULT 0,
    first_failure  INTEGER,
    cursor         INTEGER,
    tag            TEXT,
    round          INTEGER,
    code           TEXT,
    error          TEXT,
    rejected_at    INTEGER
);
CREATE INDEX mutation_acked ON mutation (cursor) WHERE state = 1;
CREATE INDEX mutation_rejected ON mutation (seq) WHERE state = 2;
CREATE INDEX mutation_suspect ON mutation (seq) WHERE suspect = 1;
CREATE TABLE patch (
    seq         INTEGER NOT NULL,
    ordinal     INTEGER NOT NULL,
    collection  TEXT NOT NULL,
    id          TEXT NOT NULL,
    op          TEXT NOT NULL,
    body        TEXT,
    PRIMARY KEY (seq, ordinal)
) WITHOUT ROWID;
CREATE INDEX patch_entity ON patch (collection, id);
CREATE TABLE quarantine (
    place       INTEGER PRIMARY KEY,
    generation  INTEGER NOT NULL,
    cursor      INTEGER,
    reason      TEXT NOT NULL,
    raw         TEXT
);
PRAGMA application_id = 1299862393;
PRAGMA user_version = 1;
INSERT INTO replica (one, scope, client, cursor, tag, wire, bootstrapped)
    VALUES (1, 'user:1', 'golden-client', 17, '00000000000090c1', 'extended', 1);
INSERT INTO entity (generation, collection, id, data, base, overlay) VALUES
    (1, 'todo', 't1', '{"title":"Oat milk","done":true}', '{"title":"Oat milk","done":false}', 1),
    (1, 'todo', 't2', '{"title":"Bread"}', NULL, 1),
    (1, 'todo', 't3', '{"title":"Jam"}', NULL, 0);
INSERT INTO mutation (seq, id, name, args, created_at, state, sent_at, cursor, tag, round, code, error, rejected_at) VALUES
    (1, 'm-rejected', 'todo.create', NULL, 1700000000000, 2, 1700000001000, NULL, NULL, NULL, 'conflict', 'sync: conflict', 1700000002000),
    (2, 'm-acked', 'todo.create', NULL, 1700000000000, 1, 1700000001000, 18, '00000000000090c2', 1, NULL, NULL, NULL),
    (3, 'm-patch', 'todo.patch', NULL, 1700000000000, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (4, 'm-custom', 'todo.count', '[7]', 1700000000000, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO patch (seq, ordinal, collection, id, op, body) VALUES
    (1, 0, 'todo', 't3', 'create', '{"title":"Plum jam"}'),
    (2, 0, 'todo', 't2', 'create', '{"title":"Bread"}'),
    (3, 0, 'todo', 't1', 'patch', '{"set":{"done":true},"unset":[]}');
