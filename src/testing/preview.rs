//! Data for previews: rows as they are after a sync, some of them on their way, some refused.

use std::collections::{BTreeMap, BTreeSet};

use mizu_sync_protocol::Cursor;
use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::local;
use crate::client::Client;
use crate::model::{Edit, EntityKey, Intent, NewMutation, Object, Outcome, ServerEntity, Stage};
use crate::store::Store;
use crate::time::Timestamp;

/// Begins a client in memory for a preview. It has no server, and is not to be started.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
/// # struct Todo { title: String, done: bool }
/// let client = mizu_sync::testing::preview("user:1")
///     .json(r#"{"todo":{"t1":{"title":"Milk","done":false}, "t2":{"title":"Bread","done":true}}}"#)
///     .row("todo", "t3", &Todo { title: "Eggs".into(), done: false })
///     .pending("todo", "t3")
///     .rejected("todo", "t1", "conflict", "somebody else was faster")
///     .open()?;
///
/// let todos = client.collection::<Todo>("todo").all()?;
/// let marks: Vec<_> = todos.iter().map(|row| (row.id.as_str(), row.pending, row.rejected)).collect();
/// assert_eq!(marks, [("t1", false, true), ("t2", false, false), ("t3", true, false)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn preview(scope: &str) -> Preview {
    Preview { scope: scope.to_owned(), rows: BTreeMap::new(), marks: Vec::new(), error: None }
}

/// What a preview shows, see [`preview`].
#[must_use = "nothing is made before `open`"]
pub struct Preview {
    scope: String,
    rows: BTreeMap<EntityKey, Object>,
    marks: Vec<(EntityKey, Mark)>,
    error: Option<PreviewError>,
}

#[derive(Clone)]
enum Mark {
    Pending,
    Rejected { code: String, error: String },
}

/// A preview cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// The text is not that of rows.
    #[error("the rows must be JSON such as {{\"todo\":{{\"t1\":{{\"title\":\"Milk\"}}}}}}: {reason}")]
    Json {
        /// What is wrong with it.
        reason: String,
    },
    /// A row is no JSON object.
    #[error("{row} is no JSON object")]
    NoObject {
        /// Which.
        row: EntityKey,
    },
    /// A row is to be pending or rejected that is not there.
    #[error("{row} is to be marked, and is not there: give it first")]
    NoRow {
        /// Which.
        row: EntityKey,
    },
    /// The client cannot be opened, or not be given the rows.
    #[error(transparent)]
    Client(#[from] crate::Error),
}

impl Preview {
    /// Rows as JSON: `{"todo":{"t1":{…}}}`, as many collections as wanted.
    pub fn json(mut self, rows: &str) -> Self {
        match serde_json::from_str::<BTreeMap<String, BTreeMap<String, Box<RawValue>>>>(rows) {
            Ok(collections) => {
                for (collection, rows) in collections {
                    for (id, row) in rows {
                        self = self.row(&collection, &id, &row);
                    }
                }
                self
            }
            Err(error) => self.failed(PreviewError::Json { reason: error.to_string() }),
        }
    }

    /// A row, a value of the app's own type.
    pub fn row(mut self, collection: &str, id: &str, value: &impl Serialize) -> Self {
        let row = EntityKey::new(collection, id);
        match Object::from_value(value) {
            Ok(Some(data)) => {
                self.rows.insert(row, data);
                self
            }
            Ok(None) | Err(_) => self.failed(PreviewError::NoObject { row }),
        }
    }

    /// A row that was given looks as if it were on its way to the server.
    pub fn pending(self, collection: &str, id: &str) -> Self {
        self.mark(EntityKey::new(collection, id), Mark::Pending)
    }

    /// A row that was given looks as if the server had refused a change of it; [`Client::rejected`] says why.
    pub fn rejected(self, collection: &str, id: &str, code: &str, error: &str) -> Self {
        let mark = Mark::Rejected { code: code.to_owned(), error: error.to_owned() };
        self.mark(EntityKey::new(collection, id), mark)
    }

    /// The client, which believes to have synced.
    ///
    /// # Errors
    /// The first thing that was wrong, see [`PreviewError`].
    pub fn open(self) -> Result<Client, PreviewError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let client = local::builder(&self.scope).open()?;
        fill(client.store(), &self.rows, &self.marks).map_err(crate::Error::from)?;
        client.look_again().map_err(crate::Error::from)?;
        Ok(client)
    }

    fn mark(mut self, row: EntityKey, mark: Mark) -> Self {
        if !self.rows.contains_key(&row) {
            return self.failed(PreviewError::NoRow { row });
        }
        self.marks.push((row, mark));
        self
    }

    /// The first error counts.
    fn failed(mut self, error: PreviewError) -> Self {
        self.error.get_or_insert(error);
        self
    }
}

fn fill(
    store: &Store,
    rows: &BTreeMap<EntityKey, Object>,
    marks: &[(EntityKey, Mark)],
) -> Result<(), crate::StoreError> {
    let pending: BTreeSet<&EntityKey> =
        marks.iter().filter(|(_, mark)| matches!(mark, Mark::Pending)).map(|(key, _)| key).collect();
    let confirmed = rows.iter().filter(|(key, _)| !pending.contains(key));
    let confirmed: Vec<ServerEntity> =
        confirmed.map(|(key, data)| ServerEntity { key: key.clone(), data: Some(data.clone()) }).collect();
    let generation = store.stage_begin()?;
    store.stage_rows((store.session(), generation), &confirmed, &[])?;
    let cursor = Cursor::new(confirmed.len() as u64).unwrap_or_default();
    let total = confirmed.len() as u64;
    let stage = Stage {
        generation,
        cursor,
        tag: None,
        newest_page: None,
        after: None,
        rows: total,
        total: Some(total),
    };
    store.swap(&stage, 0)?;
    let now = Timestamp::from(std::time::SystemTime::now());
    let write = |key: &EntityKey, edit| {
        let intent = Intent::Entity(key.clone(), edit);
        store.write(vec![NewMutation { id: crate::new_id(), created_at: now, intent }])
    };
    for key in pending {
        write(key, Edit::Create(rows[key].clone()))?;
    }
    for (key, mark) in marks {
        let Mark::Rejected { code, error } = mark else { continue };
        write(key, Edit::Set { known: rows[key].clone(), gone: Vec::new() })?;
        let newest = store.pending()?.into_iter().next_back().map(|mutation| mutation.seq);
        let refused = Outcome::Rejected { code: code.clone(), error: error.clone() };
        store.record(&newest.map(|seq| (seq, refused)).into_iter().collect::<Vec<_>>(), now)?;
    }
    Ok(())
}
