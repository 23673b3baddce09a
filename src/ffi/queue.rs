//! What waits to be sent, and what was refused.

use crate::model::{PendingMutation, RejectedMutation};

/// A write that the server has not confirmed.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct NativePending {
    /// Its id.
    pub id: String,
    /// What it does.
    pub name: String,
    /// Its arguments, as JSON.
    pub args: String,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// Whether the server has applied it.
    pub acked: bool,
    /// How often it failed for a reason that may pass.
    pub failures: u32,
    /// What the server said last of that.
    pub error: Option<String>,
    /// The id of the rejected mutation that it retries.
    pub retries: Option<String>,
}

/// A write that the server has refused.
#[derive(Clone, PartialEq, Eq, uniffi::Record)]
pub struct NativeRejected {
    /// Its id.
    pub id: String,
    /// What it was to do.
    pub name: String,
    /// Its arguments, as JSON.
    pub args: String,
    /// Why not, for the app.
    pub code: String,
    /// Why not, for a person.
    pub error: String,
    /// When it was refused, in milliseconds since 1970.
    pub rejected_at: i64,
    /// When it was made, in milliseconds since 1970.
    pub created_at: i64,
    /// The id of the rejected mutation that it retried.
    pub retries: Option<String>,
    /// All of that but the arguments, in a sentence.
    pub sentence: String,
}

impl From<PendingMutation> for NativePending {
    fn from(mutation: PendingMutation) -> Self {
        let PendingMutation { id, name, args, created_at, acked, failures, error, retries, .. } = mutation;
        Self { id, name, args, created_at: created_at.as_millis(), acked, failures, error, retries }
    }
}

impl From<RejectedMutation> for NativeRejected {
    fn from(mutation: RejectedMutation) -> Self {
        let sentence = mutation.to_string();
        let RejectedMutation { id, name, args, code, error, at, created_at, retries, .. } = mutation;
        let (rejected_at, created_at) = (at.as_millis(), created_at.as_millis());
        Self { id, name, args, code, error, rejected_at, created_at, retries, sentence }
    }
}
