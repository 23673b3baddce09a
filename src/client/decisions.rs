//! What waits and what was refused, and what the app decides about it.

use serde::Serialize;

use super::core::may_write;
use super::{Client, clock};
use crate::collection::codec;
use crate::error::Result;
use crate::model::{PendingMutation, RejectedMutation};
use crate::sync::Event;

impl Client {
    /// The writes that are not confirmed, in order: those that the server has not applied, and those that it
    /// has ([`PendingMutation::acked`]) while no pull has brought their effects.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pending(&self) -> Result<Vec<PendingMutation>> {
        self.core.watches.queue.track();
        Ok(self.core.store.pending()?)
    }

    /// The writes that the server refused, in order, until they are retried or discarded.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rejected(&self) -> Result<Vec<RejectedMutation>> {
        self.core.watches.queue.track();
        Ok(self.core.store.rejected()?)
    }

    /// Queues a rejected mutation again, at the end. Gives the id of the new one.
    ///
    /// # Errors
    /// When no rejected mutation has this id.
    pub fn retry(&self, id: &str) -> Result<String> {
        self.retry_as(id, None)
    }

    /// As [`Client::retry`], with other arguments: those of [`RejectedMutation::args`], mended.
    ///
    /// ```no_run
    /// # use mizu_sync::Client;
    /// # let client = Client::builder("https://api.example.com/_sync", "user:1").in_memory().open()?;
    /// for refused in client.rejected()?.iter().filter(|refused| refused.code == "conflict") {
    ///     let Ok(mut args) = serde_json::from_str::<serde_json::Value>(&refused.args) else { continue };
    ///     args["id"] = "another-id".into();
    ///     client.retry_with(&refused.id, &args)?;
    /// }
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Client::retry`], and when the arguments do not fit the mutation.
    pub fn retry_with(&self, id: &str, args: &impl Serialize) -> Result<String> {
        let args = codec::args(id, args)?;
        self.retry_as(id, Some(args.get()))
    }

    fn retry_as(&self, id: &str, args: Option<&str>) -> Result<String> {
        may_write()?;
        let new_id = crate::new_id();
        self.core.store.retry(id, args, &new_id, clock::wall())?;
        self.core.queue_changed();
        Ok(new_id)
    }

    /// Forgets a mutation that was rejected or is still pending, and undoes what it did here. One that is
    /// just being sent may still be applied by the server.
    ///
    /// # Errors
    /// When no such mutation has this id.
    pub fn discard(&self, id: &str) -> Result<()> {
        may_write()?;
        let seq = self.core.store.discard(id)?;
        self.core.send(Event::Discarded(seq));
        self.core.queue_changed();
        Ok(())
    }
}
