//! An entity with what is known of it.

use serde::de::DeserializeOwned;

use crate::client::Core;
use crate::error::Result;
use crate::model::EntityKey;
use crate::store::StoredRow;

/// One visible entity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row<T> {
    /// Its id.
    pub id: String,
    /// Its value, with the writes of this device.
    pub value: T,
    /// Whether writes to it are still on their way to the server: an "unsent" badge.
    pub pending: bool,
    /// Whether a write to it was refused, and neither retried nor discarded.
    pub rejected: bool,
}

/// Decodes a row.
pub fn typed<T: DeserializeOwned>(core: &Core, key: &EntityKey, row: &StoredRow) -> Result<Row<T>> {
    let value = core.codec.decode(key, &row.data)?;
    Ok(Row { id: row.id.clone(), value, pending: row.pending, rejected: row.rejected })
}
