//! What the file remembers of the sync: one row, read at the start, changed as the sync goes on.

use std::sync::atomic::Ordering;

use mizu_sync_protocol::{Cursor, LogPosition, Tag, Wire};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::connections::Durability;
use super::error::StoreError;
use super::{Changed, Owner, Store, TransactionExt, tables};
use crate::model::{EntityKey, Replica, Stage, Suspect, Versions};
use crate::time::Timestamp;

/// Makes the row in a new file, and refuses a file of another scope or user. Gives the generation.
pub fn claim(tx: &Transaction<'_>, owner: &Owner, location: &super::Location) -> Result<i64, StoreError> {
    let sqlite = |error| StoreError::from_sqlite(location.path(), &error);
    let path = || location.path().to_owned();
    let sql = "SELECT scope, principal, generation FROM replica";
    let known = tx
        .query_row(sql, [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, i64>(2)?))
        })
        .optional()
        .map_err(sqlite)?;
    let Some((scope, principal, generation)) = known else {
        let sql = "INSERT INTO replica (one, scope, principal, client) VALUES (1, ?1, ?2, ?3)";
        tx.run(sql, params![owner.scope, owner.principal, owner.client]).map_err(sqlite)?;
        return Ok(1);
    };
    if scope != owner.scope {
        return Err(StoreError::OtherScope { path: path(), found: scope, asked: owner.scope.clone() });
    }
    if principal != owner.principal {
        return Err(StoreError::OtherPrincipal { path: path() });
    }
    Ok(generation)
}

impl Store {
    /// What the file remembers of the sync.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn replica(&self) -> Result<Replica, StoreError> {
        self.connections.read(|connection| read(connection).map_err(|error| self.error(&error)))
    }

    /// As [`Self::replica`], for a sync that begins: its rounds are counted from 0, and its first pull is after all
    /// acks of former ones.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin_session(&self) -> Result<Replica, StoreError> {
        self.update(|tx| {
            // While the right to write is held, so that no rows of the session before come after.
            self.session.fetch_add(1, Ordering::SeqCst);
            tx.run("UPDATE mutation SET round = 0 WHERE state = 1", [])
        })?;
        self.replica()
    }

    /// The number of the session that began last.
    pub fn session(&self) -> u64 {
        self.session.load(Ordering::SeqCst)
    }

    /// Remembers how the server is spoken to.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn learn_wire(&self, wire: Wire) -> Result<(), StoreError> {
        self.update(|tx| tx.run("UPDATE replica SET wire = ?1", [wire.as_str()]).map(drop))
    }

    /// Remembers the versions that the quarantine was last judged with.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn learn_versions(&self, versions: &Versions) -> Result<(), StoreError> {
        let sql = "UPDATE replica SET app_version = ?1, dialect_version = ?2";
        self.update(|tx| tx.run(sql, params![versions.app, versions.dialect]).map(drop))
    }

    /// One small transaction for the sync's own bookkeeping. It can be fetched again, so it is not pressed
    /// onto the disk.
    pub(super) fn update<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.connections.write(Durability::Relaxed, |tx| work(tx).map_err(|error| self.error(&error)))
    }

    /// As [`Self::update`], where what is seen changes.
    pub(super) fn update_seen<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &mut Changed) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.transact(Durability::Relaxed, |tx, changed| {
            work(tx, changed).map_err(|error| self.error(&error))
        })
    }

    /// A transaction for the app, with its durability.
    pub(super) fn write_seen<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>, &mut Changed) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transact(self.durability, work)
    }

    /// The counts change before anybody else can write, so they are never behind the file.
    fn transact<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&Transaction<'_>, &mut Changed) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut changed = Changed::default();
        let mut writer = self.connections.writer();
        let result = writer.transaction(durability, |tx| work(tx, &mut changed))?;
        let seen = self.committed(changed);
        drop(writer);
        self.announce(&seen);
        Ok(result)
    }
}

/// Where the log was pulled to. Written with the page that it ends.
pub fn set_position(tx: &Transaction<'_>, cursor: Cursor, tag: Option<&Tag>) -> rusqlite::Result<()> {
    let sql = "UPDATE replica SET cursor = ?1, tag = ?2";
    tx.run(sql, params![cursor.to_sql(), tag.map(Tag::as_str)]).map(drop)
}

/// The cursor of the generation that is seen, and whether a resync is under way.
pub fn position(connection: &Connection) -> rusqlite::Result<(Cursor, bool)> {
    let sql = "SELECT cursor, resync FROM replica";
    connection
        .prepare_cached(sql)?
        .query_row([], |row| Ok((Cursor::from_sql(row.get(0)?), row.get::<_, bool>(1)?)))
}

fn tag(text: Option<String>) -> Option<Tag> {
    text.as_deref().and_then(Tag::new)
}

/// See [`Store::replica`].
pub fn read(connection: &Connection) -> rusqlite::Result<Replica> {
    let stage = connection
        .query_row(
            "SELECT generation, cursor, tag, after_collection, after_id, rows, total, newest_cursor, newest_tag
             FROM stage",
            [],
            |row| {
                let after: (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
                let newest = row.get::<_, Option<i64>>(7)?.map(Cursor::from_sql).zip(tag(row.get(8)?));
                Ok(Stage {
                    generation: row.get::<_, i64>(0)?.unsigned_abs(),
                    cursor: Cursor::from_sql(row.get(1)?),
                    tag: tag(row.get(2)?),
                    newest_page: newest.map(|(cursor, tag)| LogPosition { cursor, tag }),
                    after: after.0.zip(after.1).map(|(collection, id)| EntityKey { collection, id }),
                    rows: row.get::<_, i64>(5)?.unsigned_abs(),
                    total: row.get::<_, Option<i64>>(6)?.map(i64::unsigned_abs),
                })
            },
        )
        .optional()?;
    let acked = connection
        .query_row(
            "SELECT cursor, tag FROM mutation WHERE state = 1 AND cursor IS NOT NULL ORDER BY cursor DESC LIMIT 1",
            [],
            |row| Ok((Cursor::from_sql(row.get(0)?), tag(row.get(1)?))),
        )
        .optional()?;
    let suspects = connection
        .prepare("SELECT seq, attempts, first_failure, error FROM mutation WHERE suspect = 1 ORDER BY seq")?
        .query_map([], |row| {
            Ok(Suspect {
                seq: row.get::<_, i64>(0)?.unsigned_abs(),
                attempts: row.get(1)?,
                first_failure: Timestamp::from_millis(row.get::<_, Option<i64>>(2)?.unwrap_or(0)),
                error: tables::shown(row, 3)?.unwrap_or_default(),
                answered: false,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let quarantined: i64 = connection.query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0))?;
    connection.query_row(
        "SELECT client, cursor, tag, wire, bootstrapped, resync, generation, app_version, dialect_version FROM replica",
        [],
        |row| {
            Ok(Replica {
                client: row.get(0)?,
                cursor: Cursor::from_sql(row.get(1)?),
                tag: tag(row.get(2)?),
                wire: row.get::<_, Option<String>>(3)?.as_deref().and_then(Wire::parse),
                bootstrapped: row.get(4)?,
                resync: row.get(5)?,
                stage,
                acked,
                suspects,
                generation: row.get::<_, i64>(6)?.unsigned_abs(),
                quarantined: quarantined.unsigned_abs(),
                versions: Versions { app: row.get(7)?, dialect: row.get(8)? },
            })
        },
    )
}
