//! How a client is opened.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::{CallbackError, Callbacks};
use crate::client::{Builder, Client};
use crate::store::Durability;

/// The options of a client. Without the token: that is set once it is open, so that no record holds it.
#[derive(uniffi::Record)]
pub struct ClientOptions {
    /// The base URL of the server.
    pub url: String,
    /// The data partition.
    pub scope: String,
    /// The path of the database; none: in memory.
    pub database: Option<String>,
    /// The user whose data this is.
    pub principal: Option<String>,
    /// For every request.
    pub headers: Vec<Header>,
    /// Whether `http://` may lead to other hosts.
    pub allow_cleartext: bool,
    /// Whether a power cut may take the last writes.
    pub relaxed: bool,
    /// In milliseconds.
    pub pull_interval: u64,
    /// In milliseconds.
    pub push_interval: u64,
    /// Whether to keep a live socket.
    pub live: bool,
    /// The app's own version.
    pub app_version: String,
    /// Declared indexes.
    pub indexes: Vec<IndexOption>,
    /// Steps from one version of a model to the next.
    pub upcasts: Vec<UpcastOption>,
    /// What the app wants to be told.
    pub callbacks: Callbacks,
}

/// A header for every request.
#[derive(uniffi::Record)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// An index.
#[derive(uniffi::Record)]
pub struct IndexOption {
    /// Of this collection.
    pub collection: String,
    /// Paths of fields, the most important first.
    pub fields: Vec<Vec<String>>,
}

/// A step from one version of a model to the next.
#[derive(uniffi::Record)]
pub struct UpcastOption {
    /// Of this collection.
    pub collection: String,
    /// The version that it leads to.
    pub to: u32,
    /// What it does.
    pub upcast: Arc<dyn Upcast>,
}

/// Brings an entity to the next version of the app's model.
#[uniffi::export(foreign)]
pub trait Upcast: Send + Sync {
    /// Gets its fields as a JSON object, and gives them as they are then.
    fn upcast(&self, fields: String) -> Result<String, CallbackError>;
}

impl ClientOptions {
    pub(super) fn builder(self) -> Builder {
        let millis = Duration::from_millis;
        let mut builder = Client::builder(&self.url, &self.scope)
            .allow_cleartext(self.allow_cleartext)
            .durability(if self.relaxed { Durability::Relaxed } else { Durability::Full })
            .pull_interval(millis(self.pull_interval))
            .push_interval(millis(self.push_interval))
            .live(self.live)
            .app_version(self.app_version);
        builder = match self.database {
            Some(path) => builder.database(path),
            None => builder.in_memory(),
        };
        if let Some(user) = self.principal {
            builder = builder.principal(user);
        }
        for Header { name, value } in self.headers {
            builder = builder.header(name, value);
        }
        for IndexOption { collection, fields } in self.indexes {
            builder = builder.index(&collection, fields.into_iter().map(super::query::field));
        }
        for UpcastOption { collection, to, upcast } in self.upcasts {
            builder = builder.upcast(&collection, to, move |fields| upcast_with(&*upcast, fields));
        }
        self.callbacks.apply(builder)
    }
}

/// One that fails changes nothing: the entity then does not fit the type, which is told.
fn upcast_with(upcast: &dyn Upcast, fields: &mut Map<String, Value>) {
    let Ok(text) = serde_json::to_string(fields) else { return };
    let Ok(text) = upcast.upcast(text) else { return };
    if let Ok(newer) = serde_json::from_str(&text) {
        *fields = newer;
    }
}
