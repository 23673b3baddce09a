//! What becomes of a server's past: lost, restored from a backup, trimmed.

use super::Server;
use crate::testing::backend::Backup;

impl Server {
    /// Loses everything, as a server that was set up anew: entities, log, and what became of mutations. Clients notice,
    /// and take a snapshot. What is scripted stays.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// server.put("user:1", "todo", "t1", &json!({ "title": "Milk" }));
    /// let phone = server.client("user:1");
    /// server.reset();
    /// phone.sync(SOON)?;
    /// assert_eq!(phone.collection::<Value>("todo").count()?, 0);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn reset(&self) {
        self.backend().database.reset();
    }

    /// All that the server has stored, for [`restore`](Server::restore).
    #[must_use]
    pub fn backup(&self) -> Backup {
        self.backend().database.backup()
    }

    /// Goes back to a backup: what has come since is lost, and the log goes on differently. Clients notice, and send
    /// again what they know was lost of their own.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// let backup = server.backup();
    /// server.put("user:1", "todo", "lost", &json!({ "title": "Milk" }));
    /// phone.sync(SOON)?;
    /// server.restore(&backup);
    /// server.put("user:1", "todo", "new", &json!({ "title": "Bread" }));
    /// phone.sync(SOON)?;
    /// let todos = phone.collection::<Value>("todo");
    /// assert!(todos.has("new")? && !todos.has("lost")?);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn restore(&self, backup: &Backup) {
        self.backend().database.restore(backup);
    }

    /// Forgets the log but for the newest mutation of each scope. A client that was away for longer takes a snapshot.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// # use mizu_sync::net::Endpoint;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.go_offline();
    /// for id in ["t1", "t2"] {
    ///     server.put("user:1", "todo", id, &json!({ "title": "Milk" }));
    /// }
    /// server.trim();
    /// server.go_online();
    /// phone.sync(SOON)?;
    /// assert_eq!(phone.collection::<Value>("todo").count()?, 2);
    /// assert_eq!(server.requests().iter().filter(|request| request.is_to(Endpoint::Snapshot)).count(), 2);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn trim(&self) {
        self.backend().database.trim();
    }
}
