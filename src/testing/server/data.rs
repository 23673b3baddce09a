//! What the server has, and what it does with mutations of the app's own.

use std::sync::Arc;
use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use super::Server;
use crate::model::EntityKey;
use crate::testing::backend::{AppliedMutation, Refusal, Transaction};

impl Server {
    /// Stores an entity, as another device would have: the next pull of a client finds the change. The value may be a
    /// `json!`, or one of the app's own types.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.put("user:1", "todo", "t1", &json!({ "title": "Milk" }));
    /// phone.sync(SOON)?;
    /// assert_eq!(phone.collection::<Value>("todo").get("t1").get()?, Some(json!({ "title": "Milk" })));
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the value is no JSON object, or above a limit of the protocol.
    #[track_caller]
    pub fn put(&self, scope: &str, collection: &str, id: &str, value: &impl Serialize) {
        // The app's own code turns it into JSON: before anything is locked.
        let value = match to_raw_value(value) {
            Ok(value) => value,
            Err(error) => panic!("the server cannot store this: {error}"),
        };
        self.change(scope, |changes| changes.put(collection, id, &value));
    }

    /// Deletes an entity, as another device would have. Whether there was one.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// server.put("user:1", "todo", "t1", &json!({ "title": "Milk" }));
    /// let phone = server.client("user:1");
    /// assert!(server.delete("user:1", "todo", "t1"));
    /// phone.sync(SOON)?;
    /// assert_eq!(phone.collection::<Value>("todo").count()?, 0);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a name is above a limit of the protocol.
    #[track_caller]
    pub fn delete(&self, scope: &str, collection: &str, id: &str) -> bool {
        self.change(scope, |changes| changes.delete(collection, id))
    }

    /// An entity as the server has it, decoded; none where there is none.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// phone.collection("todo").create("t1", json!({ "title": "Milk" }))?;
    /// phone.flush(SOON)?;
    /// assert_eq!(server.get("user:1", "todo", "t1"), Some(json!({ "title": "Milk" })));
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it does not fit `T`.
    #[must_use]
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, scope: &str, collection: &str, id: &str) -> Option<T> {
        let key = EntityKey::new(collection, id);
        let found = self.backend().database.entities(scope).get(&key).cloned();
        found.map(|data| decode(&key, data.as_str()))
    }

    /// All entities of a collection as the server has them, with their ids, sorted by them.
    ///
    /// ```
    /// # use mizu_sync::testing::Server;
    /// # use serde_json::json;
    /// let server = Server::start();
    /// server.put("user:1", "todo", "t1", &json!({ "title": "Milk" }));
    /// assert_eq!(server.all("user:1", "todo"), [("t1".to_owned(), json!({ "title": "Milk" }))]);
    /// ```
    ///
    /// # Panics
    /// When one does not fit `T`.
    #[must_use]
    #[track_caller]
    pub fn all<T: DeserializeOwned>(&self, scope: &str, collection: &str) -> Vec<(String, T)> {
        let entities = self.backend().database.entities(scope);
        let mine = entities.iter().filter(|(key, _)| key.collection == collection);
        mine.map(|(key, data)| (key.id.clone(), decode(key, data.as_str()))).collect()
    }

    /// How many entities of a collection the server has.
    #[must_use]
    pub fn count(&self, scope: &str, collection: &str) -> usize {
        let entities = self.backend().database.entities(scope);
        entities.keys().filter(|key| key.collection == collection).count()
    }

    /// The mutations that the server has applied, in order, each once however often it was sent. Those that were
    /// refused are not among them; those that a [`restore`](Server::restore) has undone are.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// let todo = phone.collection("todo").create("t1", json!({ "title": "Milk", "done": false }))?;
    /// todo.update(|todo| todo["done"] = true.into())?;
    /// phone.flush(SOON)?;
    /// let applied = server.mutations();
    /// assert_eq!((applied[0].name.as_str(), applied[1].name.as_str()), ("todo.create", "todo.patch"));
    /// assert_eq!(applied[1].args()["set"], json!({ "done": true }));
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    #[must_use]
    pub fn mutations(&self) -> Vec<AppliedMutation> {
        self.backend().applied.clone()
    }

    /// Says what a mutation of the app's own does, or what a generic one does instead. Without this a server knows
    /// `<collection>.create`, `.update`, `.patch` and `.delete`, and refuses any other as `unknown_mutation`.
    ///
    /// `apply` runs again if something else has changed meanwhile.
    ///
    /// ```
    /// # use mizu_sync::testing::{Refusal, Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// server.put("user:1", "account", "bank", &json!({ "cents": 500 }));
    /// server.on_mutation("account.withdraw", |transaction| {
    ///     let cents: i64 = transaction.args()?;
    ///     let mut bank: Value = transaction.get("account", "bank")?.ok_or_else(|| Refusal::not_found("no bank"))?;
    ///     let left = bank["cents"].as_i64().unwrap_or_default() - cents;
    ///     if left < 0 {
    ///         return Err(Refusal::conflict("there is less in the bank"));
    ///     }
    ///     bank["cents"] = left.into();
    ///     transaction.put("account", "bank", &bank)
    /// });
    /// let phone = server.client("user:1");
    /// phone.mutate("account.withdraw", &200)?;
    /// phone.mutate("account.withdraw", &400)?;
    /// phone.flush(SOON)?;
    /// assert_eq!(server.get("user:1", "account", "bank"), Some(json!({ "cents": 300 })));
    /// assert_eq!(phone.rejected()?[0].error, "there is less in the bank");
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn on_mutation(
        &self,
        name: &str,
        apply: impl Fn(&mut Transaction) -> Result<(), Refusal> + Send + Sync + 'static,
    ) {
        // What it takes the place of is the test's own: dropped when nothing is locked.
        let _former = self.backend().rules.define(name, Arc::new(apply));
    }

    /// A change that no client has made.
    #[track_caller]
    fn change<T>(&self, scope: &str, work: impl FnOnce(&mut Transaction) -> Result<T, Refusal>) -> T {
        let mut backend = self.backend();
        let mut changes =
            Transaction::new(scope, RawValue::NULL.to_owned(), backend.database.entities(scope));
        let done = match work(&mut changes) {
            Ok(done) => done,
            Err(refusal) => panic!("the server cannot store this: {refusal}"),
        };
        let before = backend.database.head(scope);
        let head = backend.database.commit(changes, SystemTime::now());
        drop(backend);
        if head != before {
            self.shared.live.hint(scope, head.cursor);
        }
        done
    }
}

#[track_caller]
fn decode<T: DeserializeOwned>(key: &EntityKey, data: &str) -> T {
    match serde_json::from_str(data) {
        Ok(value) => value,
        Err(error) => panic!("{key} is not what the test expects: {error}"),
    }
}
