//! The generic mutations.

use mizu_sync_protocol::generic::{Patch, Target, WithData};

use super::{Refusal, Transaction};
use crate::model::{EntityKey, Object};

/// What a mutation of the name `<collection>.<verb>` does.
pub fn generic(name: &str, transaction: &mut Transaction) -> Result<(), Refusal> {
    let (collection, verb) = name.rsplit_once('.').ok_or_else(Refusal::unknown_mutation)?;
    let missing = || Refusal::not_found("no entity has this id");
    let conflict = || Refusal::conflict("an entity with this id exists already");
    let done_or = |done: bool, refusal: Refusal| if done { Ok(()) } else { Err(refusal) };
    match verb {
        "create" => {
            let (key, data) = with_data(collection, transaction)?;
            done_or(transaction.insert(key, data)?, conflict())
        }
        "update" => {
            let (key, data) = with_data(collection, transaction)?;
            done_or(transaction.replace(key, data)?, missing())
        }
        "patch" => {
            let Patch { id, set, unset } = transaction.args_as()?;
            let key = EntityKey::new(collection, &id);
            let stored = transaction.find(&key).ok_or_else(missing)?;
            let patched = Object::from_fields(&stored.fields().patched(&set, &unset));
            transaction.replace(key, patched).map(drop)
        }
        "delete" => {
            let Target { id } = transaction.args_as()?;
            let id = id.into_owned();
            transaction.delete(collection, &id).map(drop)
        }
        _ => Err(Refusal::unknown_mutation()),
    }
}

fn with_data(collection: &str, transaction: &Transaction) -> Result<(EntityKey, Object), Refusal> {
    let WithData { id, data } = transaction.args_as()?;
    let no_object = || Refusal::invalid("an entity must be a JSON object");
    let data = Object::from_raw(data.to_owned()).ok_or_else(no_object)?;
    Ok((EntityKey::new(collection, &id), data))
}
