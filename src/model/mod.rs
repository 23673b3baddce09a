//! What the store keeps and the engine reasons about: plain data, no behaviour of either.

mod change;
mod entity;
mod filter;
mod mutation;
pub(crate) mod object;
mod patch;
mod replica;

pub use change::{Change, ChangeSet};
pub use entity::EntityKey;
pub use entity::{Applied, Page, ServerEntity, Unreadable};
pub use filter::{Comparison, Condition, Field, Filter, Order, QuerySpec, Scalar, field};
pub use mutation::{Batch, BatchRequest, Intent, Meaning, NewMutation, Outcome, Outgoing, Selection};
pub use mutation::{PendingMutation, RejectedMutation};
pub use object::Object;
pub use patch::{Edit, Patch};
pub use replica::{Counts, Replica, Stage, Suspect, Versions};
