//! The generic mutations, with which the server serves any app.

use mizu_sync_protocol::Fields;
use mizu_sync_protocol::generic::{Patch, Target, WithData};

use crate::mutation_context::MutationContext;
use crate::mutator::{Failure, Mutator, Rejection};

/// `<collection>.create`, `.update`, `.patch` and `.delete`.
///
/// | verb | arguments | |
/// |---|---|---|
/// | `create` | `{"id","data"}` | `conflict` where the id exists |
/// | `update` | `{"id","data"}` | the whole object anew; `not_found` where it is missing |
/// | `patch` | `{"id","set":{…},"unset":[…]}` | top-level fields; `not_found` where it is missing |
/// | `delete` | `{"id"}` | ok where it is missing |
#[derive(Clone, Copy, Debug, Default)]
pub struct Crud;

impl Mutator for Crud {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        let unknown = || Rejection::unknown_mutation("no mutation has this name");
        let (collection, verb) = context.mutation().name.rsplit_once('.').ok_or_else(unknown)?;
        match verb {
            "create" => create(context, collection),
            "update" => update(context, collection),
            "patch" => patch(context, collection),
            "delete" => delete(context, collection),
            _ => Err(unknown().into()),
        }
    }
}

fn create(context: &mut MutationContext<'_>, collection: &str) -> Result<(), Failure> {
    let WithData { id, data } = context.args()?;
    if context.insert(collection, &id, data)? {
        Ok(())
    } else {
        Err(Rejection::conflict("an entity with this id exists already").into())
    }
}

fn update(context: &mut MutationContext<'_>, collection: &str) -> Result<(), Failure> {
    let WithData { id, data } = context.args()?;
    if context.replace(collection, &id, data)? { Ok(()) } else { Err(missing().into()) }
}

fn patch(context: &mut MutationContext<'_>, collection: &str) -> Result<(), Failure> {
    let Patch { id, set, unset } = context.args()?;
    let stored = context.get(collection, &id)?.ok_or_else(missing)?;
    // It stays so until it is replaced: the patch would be tried again for ever.
    let unreadable = |_| Rejection::invalid("the entity on the server cannot be patched: replace it");
    let fields: Fields<'_> = serde_json::from_str(stored.get()).map_err(unreadable)?;
    let patched = fields.patched(&set, &unset).to_raw().map_err(unreadable)?;
    context.replace(collection, &id, &patched)?;
    Ok(())
}

fn delete(context: &mut MutationContext<'_>, collection: &str) -> Result<(), Failure> {
    let Target { id } = context.args()?;
    context.delete(collection, &id)?;
    Ok(())
}

fn missing() -> Rejection {
    Rejection::not_found("no entity has this id")
}
