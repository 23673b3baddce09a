//! How large things may be, in bytes unless named otherwise.

use thiserror::Error;

use crate::json;

/// Mutations in one push of our client. Our server takes more, see [`MAX_ACCEPTED_MUTATIONS`].
pub const MAX_PUSH_MUTATIONS: usize = 100;
/// The body of one push of our client.
pub const MAX_PUSH_BODY: usize = 900 * 1024;
/// Mutations in one push that our server takes: go-mizu's client never splits its queue.
pub const MAX_ACCEPTED_MUTATIONS: usize = 20_000;
/// The body of one request that our server takes.
pub const MAX_ACCEPTED_BODY: usize = 32 * 1024 * 1024;

/// One entity, as JSON.
pub const MAX_ENTITY: usize = 512 * 1024;
/// The arguments of one mutation, as JSON. An entity travels inside them: see [`MAX_ENVELOPE`].
pub const MAX_ARGS: usize = 512 * 1024;
/// What the arguments of a generic mutation may hold beside its entity: the field names and the id.
pub const MAX_ENVELOPE: usize = 8 * 1024;
/// Levels of arrays and objects in an entity or in arguments.
pub const MAX_DEPTH: usize = 64;
/// The entities that one mutation changes, together: see [`change_size`].
pub const MAX_MUTATION_CHANGES: usize = 4 * 1024 * 1024;
/// What a change counts beside its names and data: its cursor, time and punctuation on the wire.
const CHANGE_ENVELOPE: usize = 128;
/// A collection's name, an entity's id, a mutation's id or name, a scope.
pub const MAX_NAME: usize = 1024;

/// Changes in one pull that our client asks for at first.
pub const PULL_LIMIT: u32 = 500;
/// Changes in one pull, or entities in one page of a snapshot, that our server gives at most.
pub const MAX_LIMIT: u32 = 5_000;
/// Entities in one page of a snapshot, where the request names no limit.
pub const SNAPSHOT_LIMIT: u32 = 1_000;
/// A page of changes or of a snapshot that our server sends: it ends the page when this is reached.
pub const MAX_SENT_PAGE: usize = 4 * 1024 * 1024;
/// A page of changes, or any other answer, that our client reads into memory, after decompression.
pub const MAX_READ_PAGE: usize = 8 * 1024 * 1024;
/// A whole snapshot in one body, after decompression.
pub const MAX_SNAPSHOT: u64 = 256 * 1024 * 1024;
/// The same through an application's own `Dialect`, which needs it in memory.
pub const MAX_DIALECT_SNAPSHOT: u64 = 32 * 1024 * 1024;

/// One message of the live socket that our client reads.
pub const MAX_LIVE_MESSAGE: usize = 1024 * 1024;
/// One message of the live socket that our server reads.
pub const MAX_ACCEPTED_LIVE_MESSAGE: usize = 64 * 1024;
/// Subscriptions of one live socket that our server takes.
pub const MAX_SUBSCRIPTIONS: usize = 100;

/// Days after its sending during which the outcome of a mutation is trusted to be known to the server.
pub const OUTCOME_TRUSTED_DAYS: u64 = 60;
/// Days during which our server keeps the outcome of a mutation, at least.
pub const OUTCOME_KEPT_DAYS: u64 = 90;
/// Days during which our server keeps a row of its log, at least.
pub const LOG_KEPT_DAYS: u64 = 7;

/// A value that is larger or deeper than the protocol allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LimitError {
    /// More bytes than allowed.
    #[error("it has {bytes} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// More levels of arrays and objects than allowed.
    #[error("it is nested more than {limit} levels deep")]
    TooDeep {
        /// What is allowed.
        limit: usize,
    },
}

/// Checks one entity, given as JSON text.
///
/// # Errors
/// Above [`MAX_ENTITY`] or [`MAX_DEPTH`].
pub fn check_entity(json: &str) -> Result<(), LimitError> {
    check(json, MAX_ENTITY)
}

/// Checks the arguments of a custom mutation, given as JSON text.
///
/// # Errors
/// Above [`MAX_ARGS`] or [`MAX_DEPTH`].
pub fn check_args(json: &str) -> Result<(), LimitError> {
    check(json, MAX_ARGS)
}

/// Checks the arguments of any mutation as a server does, which cannot tell a generic one, whose arguments hold
/// an entity and its envelope, from a custom one.
///
/// # Errors
/// Above [`MAX_ARGS`] with [`MAX_ENVELOPE`], or one level deeper than [`MAX_DEPTH`].
pub fn check_mutation_args(json: &str) -> Result<(), LimitError> {
    check_both(json, MAX_ARGS + MAX_ENVELOPE, MAX_DEPTH + 1)
}

/// How much a change counts of what one mutation may change: its names and the entity after it, empty once deleted.
#[must_use]
pub const fn change_size(collection: &str, id: &str, data: &str) -> usize {
    CHANGE_ENVELOPE + collection.len() + id.len() + data.len()
}

/// Checks what one mutation changes, the sum of [`change_size`].
///
/// # Errors
/// Above [`MAX_MUTATION_CHANGES`].
pub const fn check_changes(bytes: usize) -> Result<(), LimitError> {
    if bytes > MAX_MUTATION_CHANGES {
        return Err(LimitError::TooLarge { bytes, limit: MAX_MUTATION_CHANGES });
    }
    Ok(())
}

fn check(text: &str, limit: usize) -> Result<(), LimitError> {
    check_both(text, limit, MAX_DEPTH)
}

fn check_both(text: &str, bytes: usize, levels: usize) -> Result<(), LimitError> {
    if text.len() > bytes {
        return Err(LimitError::TooLarge { bytes: text.len(), limit: bytes });
    }
    if json::depth(text) > levels {
        return Err(LimitError::TooDeep { limit: levels });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_of_64_levels_is_accepted_and_one_of_65_is_not() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check_entity(&nested(64)), Ok(()));
        assert_eq!(check_entity(&nested(65)), Err(LimitError::TooDeep { limit: 64 }));
    }

    #[test]
    fn arguments_may_hold_the_largest_and_deepest_entity() {
        let data = "x".repeat(MAX_ENTITY - 10);
        assert_eq!(check_mutation_args(&format!(r#"{{"id":"t1","data":{{"a":"{data}"}}}}"#)), Ok(()));
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(check_mutation_args(&nested(65)), Ok(()));
        assert_eq!(check_mutation_args(&nested(66)), Err(LimitError::TooDeep { limit: 65 }));
    }

    #[test]
    fn an_entity_of_512_kib_is_accepted_and_one_byte_more_is_not() {
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        assert_eq!(check_entity(&text(MAX_ENTITY)), Ok(()));
        assert!(matches!(check_entity(&text(MAX_ENTITY + 1)), Err(LimitError::TooLarge { .. })));
    }
}
