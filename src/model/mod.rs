//! What the store keeps and the engine reasons about: plain data, no behaviour of either.

mod entity;
mod mutation;
pub(crate) mod object;
mod patch;
mod replica;

pub use entity::EntityKey;
pub use entity::{Applied, Page, ServerEntity, Unreadable};
pub use mutation::{Batch, BatchRequest, Intent, Meaning, NewMutation, Outcome, Outgoing, Selection};
pub use mutation::{PendingMutation, RejectedMutation};
pub use object::Object;
pub use patch::{Edit, Patch};
pub use replica::{Counts, Replica, Stage, Suspect, Versions};
