//! The bodies of requests.

use std::borrow::Cow;

use mizu_sync_protocol::pull::PullRequest;
use mizu_sync_protocol::push::{Mutation, PushRequest};
use mizu_sync_protocol::snapshot::SnapshotRequest;
use mizu_sync_protocol::{Wire, limits};
use serde_json::value::RawValue;

use super::dialect::{Dialect, EntityOp, WireMutation};
use super::event::Plan;
use crate::model::{Meaning, Object, Outgoing, Patch};

/// The body of the request that `plan` stands for.
///
/// # Errors
/// When the dialect cannot say a mutation: its place among the mutations, and the dialect's words.
pub fn body(plan: &Plan, scope: &str, dialect: Option<&dyn Dialect>) -> Result<Vec<u8>, (usize, String)> {
    let bytes = match plan {
        Plan::Push { mutations, wire, client } => return push(mutations, *wire, client, scope, dialect),
        Plan::Pull { cursor, limit, .. } => {
            serde_json::to_vec(&PullRequest { scope: scope.into(), cursor: *cursor, limit: Some(*limit) })
        }
        Plan::Snapshot { after, wire, .. } => serde_json::to_vec(&SnapshotRequest {
            scope: scope.into(),
            limit: (*wire == Some(Wire::Extended)).then_some(limits::SNAPSHOT_LIMIT),
            after: after.as_ref().map(|key| (Cow::from(&*key.collection), Cow::from(&*key.id))),
        }),
    };
    // Strings and numbers cannot fail to serialise.
    Ok(bytes.unwrap_or_default())
}

fn push(
    mutations: &[Outgoing],
    wire: Wire,
    client: &str,
    scope: &str,
    dialect: Option<&dyn Dialect>,
) -> Result<Vec<u8>, (usize, String)> {
    let mut said = Vec::with_capacity(mutations.len());
    for (place, mutation) in mutations.iter().enumerate() {
        let wire_form = say(&mutation.meaning, wire, dialect).map_err(|error| (place, error))?;
        let args = RawValue::from_string(wire_form.args)
            .map_err(|_| (place, format!("the arguments of {} are not JSON", wire_form.name)))?;
        said.push((wire_form.name, args));
    }
    let extended = wire == Wire::Extended;
    let mutations = mutations.iter().zip(&said).map(|(mutation, (name, args))| Mutation {
        id: (&*mutation.id).into(),
        name: (&**name).into(),
        scope: scope.into(),
        args: Some(args),
        client: extended.then(|| client.into()),
        seq: extended.then_some(mutation.seq),
        created_at: extended.then(|| mutation.created_at.to_string().into()),
    });
    let request = PushRequest { mutations: mutations.collect() };
    Ok(serde_json::to_vec(&request).unwrap_or_default())
}

/// The name and arguments of a mutation.
fn say(meaning: &Meaning, wire: Wire, dialect: Option<&dyn Dialect>) -> Result<WireMutation, String> {
    let (key, patch, whole) = match meaning {
        Meaning::Custom { name, args } => {
            return Ok(WireMutation { name: name.clone(), args: args.to_string() });
        }
        Meaning::Entity { key, patch, whole } => (key, patch, whole),
    };
    if let Some(dialect) = dialect {
        let (op, data) = match patch {
            Patch::Create(data) => (EntityOp::Create, Some(data)),
            Patch::Replace(data) => (EntityOp::Update, Some(data)),
            Patch::Fields { .. } => (EntityOp::Update, Some(whole.as_ref().ok_or(GONE)?)),
            Patch::Delete => (EntityOp::Delete, None),
        };
        return dialect.mutation(op, &key.collection, &key.id, data.map(Object::as_str));
    }
    let partial_in_plain = wire == Wire::Plain && matches!(patch, Patch::Fields { .. });
    let whole = match whole {
        Some(whole) if partial_in_plain => Some(Patch::Replace(whole.clone())),
        None if partial_in_plain => return Err(GONE.to_owned()),
        _ => None,
    };
    let patch = whole.as_ref().unwrap_or(patch);
    Ok(WireMutation { name: format!("{}.{}", key.collection, patch.verb()), args: patch.args(&key.id) })
}

/// Why a change of single fields cannot be sent to a server that takes whole entities only.
const GONE: &str = "the entity was deleted before this change to it could be sent";
