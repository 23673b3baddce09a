//! An application's own shapes on the wire.

use mizu_sync_protocol::pull::Op;

/// What the app did to one entity, as a [`Dialect`] is asked to put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityOp {
    /// A new entity, with its data.
    Create,
    /// The whole entity as it is now.
    Update,
    /// It is gone; there is no data.
    Delete,
}

impl EntityOp {
    /// Its verb in the generic protocol.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Create => Op::Create.as_str(),
            Self::Update => Op::Update.as_str(),
            Self::Delete => Op::Delete.as_str(),
        }
    }
}

/// A mutation as the server wants it.
#[derive(Clone, PartialEq, Eq)]
pub struct WireMutation {
    /// `todo.create`, for instance.
    pub name: String,
    /// JSON.
    pub args: String,
}

/// What a change of the server's does to one entity here.
#[derive(Clone, PartialEq, Eq)]
pub struct EntityChange {
    /// The collection.
    pub collection: String,
    /// The id in the collection.
    pub id: String,
    /// The whole entity, a JSON object; none when it is gone.
    pub data: Option<String>,
}

/// Turns an application's own shapes into those of this SDK, for a server that does not speak the generic
/// ones.
///
/// It is called on the threads that talk to the server, with no lock held. It must be a function of its
/// arguments alone. An error is a sentence for a developer; a change that it refuses is kept aside.
pub trait Dialect: Send + Sync + 'static {
    /// Its version. When it changes, changes that could not be read before are fetched again.
    fn version(&self) -> String {
        String::new()
    }

    /// The mutation that does `op` to an entity. `data` is a JSON object, none for a deletion.
    ///
    /// # Errors
    /// When it cannot be said. The mutation is then rejected.
    fn mutation(
        &self,
        op: EntityOp,
        collection: &str,
        id: &str,
        data: Option<&str>,
    ) -> Result<WireMutation, String>;

    /// What each of these changes does. A change is the JSON object that the server sent, with its `cursor`.
    /// The answer has as many items as `changes`.
    fn changes(&self, changes: &[&str]) -> Vec<Result<Vec<EntityChange>, String>>;

    /// All entities in the `data` of a snapshot, JSON.
    ///
    /// # Errors
    /// When it cannot be read. Nothing is stored then.
    fn snapshot(&self, data: &str) -> Result<Vec<EntityChange>, String>;
}
