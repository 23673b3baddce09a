//! Several writes that are kept together or not at all.

use std::ops::{Deref, DerefMut};

use serde::Serialize;

use super::core::Core;
use super::edits::Edits;
use crate::collection::codec;
use crate::error::Result;
use crate::model::Intent;

/// Writes that are committed together: what [`crate::Client::batch`] gives to its closure. Those to entities are
/// the functions of [`Edits`].
///
/// Nothing of it is on disk, and nobody else sees it, before the closure has returned. At the server each
/// write is atomic on its own; the batch as a whole is not.
pub struct Batch<'a>(Edits<'a>);

impl<'a> Batch<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
        Self(Edits::new(core))
    }

    pub(super) fn into_intents(self) -> Vec<Intent> {
        self.0.gathered.into_intents()
    }

    /// Queues a mutation of the application's own, with no local effect.
    ///
    /// # Errors
    /// When the arguments cannot be serialised.
    pub fn mutate(&mut self, name: &str, args: &impl Serialize) -> Result<()> {
        let args = codec::args(name, args)?;
        self.0.gathered.mutate(name, args);
        Ok(())
    }
}

impl<'a> Deref for Batch<'a> {
    type Target = Edits<'a>;

    fn deref(&self) -> &Edits<'a> {
        &self.0
    }
}

impl<'a> DerefMut for Batch<'a> {
    fn deref_mut(&mut self) -> &mut Edits<'a> {
        &mut self.0
    }
}
