//! The client, as the other side has it.

use std::sync::Arc;

use super::batch::NativeBatch;
use super::entity::NativeEntity;
use super::error::ApiResult;
use super::feed::{Listener, NativeFeed, News, tell};
use super::options::ClientOptions;
use super::query::{NativeQuery, QueryOptions};
use super::wait::{Goal, NativeWait};
use super::writes::{self, Change, Write};
use super::{NativePending, NativeRejected, NativeRow, NativeStatus, Problem};
use crate::client::{Client, Core, Unsent};
use crate::collection::Entity;
use crate::error::Error;
use crate::model::EntityKey;

/// So many entities of a client are kept on the other side.
const MOST_COPIES: usize = 256;

/// A client. When the last reference to it goes, it is closed.
#[derive(uniffi::Object)]
pub struct NativeClient {
    client: Arc<Client>,
    /// Each copy of an entity has a share of it.
    copies: Arc<()>,
}

impl NativeClient {
    pub(super) fn of(client: Client) -> Arc<Self> {
        Arc::new(Self { client: Arc::new(client), copies: Arc::new(()) })
    }

    fn core(&self) -> &Arc<Core> {
        self.client.core()
    }

    fn handle(&self, collection: &str, id: &str) -> Entity<()> {
        self.client.collection::<()>(collection).get(id)
    }
}

#[uniffi::export]
impl NativeClient {
    /// Opens the file: not on a thread that must not wait.
    #[uniffi::constructor]
    pub fn open(options: ClientOptions) -> ApiResult<Arc<Self>> {
        Ok(Self::of(options.builder().open()?))
    }

    /// Starts the sync.
    pub fn start(&self) -> ApiResult<()> {
        Ok(self.client.start()?)
    }

    /// Stops it, within a second.
    pub fn stop(&self) {
        self.client.stop();
    }

    /// Stops it, and releases the file.
    pub fn pause(&self) -> ApiResult<()> {
        Ok(self.client.pause()?)
    }

    /// Takes the file again, and starts the sync if it ran.
    pub fn resume(&self) -> ApiResult<()> {
        Ok(self.client.resume()?)
    }

    /// Closes it for good. Not named `close`: that is what gives up a reference on the other side.
    pub fn shut_down(&self) {
        self.client.close();
    }

    /// Closes it, and deletes its file. `lose`: also writes that are not confirmed.
    pub fn wipe(&self, lose: bool) -> ApiResult<()> {
        Ok(self.client.wipe(if lose { Unsent::Lose } else { Unsent::Refuse })?)
    }

    /// Replaces the token.
    pub fn set_token(&self, token: &str) -> ApiResult<()> {
        Ok(self.client.set_token(token)?)
    }

    /// What the platform says of the network.
    pub fn set_network(&self, up: bool) {
        self.client.set_network(up);
    }

    /// Whether the app is seen.
    pub fn set_foreground(&self, foreground: bool) {
        self.client.set_foreground(foreground);
    }

    /// The server's log has grown up to here, as the app has heard by itself.
    pub fn notify_live(&self, cursor: u64) {
        if let Some(cursor) = mizu_sync_protocol::Cursor::new(cursor) {
            self.client.notify_live(cursor);
        }
    }

    /// The name of this file at servers.
    pub fn client_id(&self) -> String {
        self.client.client_id().to_owned()
    }
}

#[uniffi::export]
impl NativeClient {
    /// What it is doing. Tracked.
    pub fn status(&self) -> NativeStatus {
        self.client.status().get().into()
    }

    /// How far the server's log has been pulled. Tracked.
    pub fn cursor(&self) -> u64 {
        self.client.cursor().get()
    }

    /// Whether the server answers. Tracked.
    pub fn is_online(&self) -> bool {
        self.client.is_online()
    }

    /// What is not confirmed. Tracked.
    pub fn pending(&self) -> ApiResult<Vec<NativePending>> {
        Ok(self.client.pending()?.into_iter().map(Into::into).collect())
    }

    /// What was refused. Tracked.
    pub fn rejected(&self) -> ApiResult<Vec<NativeRejected>> {
        Ok(self.client.rejected()?.into_iter().map(Into::into).collect())
    }

    /// Whether an entity is visible. Tracked.
    pub fn has(&self, collection: &str, id: &str) -> ApiResult<bool> {
        Ok(self.handle(collection, id).exists()?)
    }

    /// The JSON of an entity. Tracked: its data alone.
    pub fn get(&self, collection: &str, id: &str) -> ApiResult<Option<String>> {
        let data = self.handle(collection, id).stored()?;
        let key = EntityKey::new(collection, id);
        Ok(data.map(|data| self.core().codec.newest(&key, &data).as_str().to_owned()))
    }

    /// An entity of which a copy is kept. `recall` is told when a lease ends. None where there are many already: a commit
    /// that changes all of them is held up by telling each.
    pub fn entity(&self, collection: &str, id: &str, recall: Arc<dyn Listener>) -> Option<Arc<NativeEntity>> {
        let is_free = Arc::strong_count(&self.copies) <= MOST_COPIES;
        let share = || Arc::clone(&self.copies);
        is_free.then(|| NativeEntity::new(self.core(), EntityKey::new(collection, id), recall, share()))
    }

    /// An entity with its marks. Tracked.
    pub fn row(&self, collection: &str, id: &str) -> ApiResult<Option<NativeRow>> {
        let row = self.handle(collection, id).stored_row()?;
        let key = EntityKey::new(collection, id);
        Ok(row.map(|row| NativeRow::new(&self.core().codec, &key, &row)))
    }

    /// A query. Making it reads nothing.
    pub fn query(&self, collection: &str, asked: QueryOptions) -> ApiResult<Arc<NativeQuery>> {
        let query = self.client.collection::<()>(collection).query();
        NativeQuery::new(Arc::clone(self.core()), collection, query, asked)
    }

    /// That an entity does not fit the app's type, for `reason`. `report`: it was passed over, which the app is told once.
    pub fn undecodable(&self, collection: &str, id: &str, reason: String, report: bool) -> Problem {
        let entity = EntityKey::new(collection, id);
        let error = Error::Decode { entity: entity.clone(), reason };
        if report {
            self.core().report_undecodable(&error, entity);
        }
        error.into()
    }

    /// That a value cannot be stored, for `reason`.
    pub fn unencodable(&self, collection: &str, id: &str, reason: String) -> Problem {
        Error::Encode { entity: EntityKey::new(collection, id), reason }.into()
    }
}

#[uniffi::export]
impl NativeClient {
    /// Writes: on disk when this returns. Gives the ids of the mutations.
    pub fn write(&self, write: Write) -> ApiResult<Vec<String>> {
        Ok(self.core().write(vec![write.intent(self.core())?])?)
    }

    /// Changes an entity: as a whole, or the fields that are different.
    pub fn change(&self, collection: &str, id: &str, whole: bool, change: Arc<dyn Change>) -> ApiResult<()> {
        writes::change(self.core(), &EntityKey::new(collection, id), whole, &*change)
    }

    /// Begins a batch.
    pub fn batch(&self) -> Arc<NativeBatch> {
        NativeBatch::new(Arc::clone(&self.client))
    }

    /// Queues a rejected mutation again, with other arguments where there are some. Gives the new id.
    pub fn retry(&self, id: &str, args: Option<String>) -> ApiResult<String> {
        Ok(match args {
            None => self.client.retry(id)?,
            Some(args) => self.client.retry_with(id, &writes::raw(id, args)?)?,
        })
    }

    /// Forgets a mutation, and undoes what it did here.
    pub fn discard(&self, id: &str) -> ApiResult<()> {
        Ok(self.client.discard(id)?)
    }
}

#[uniffi::export]
impl NativeClient {
    /// Watches what it is doing.
    pub fn watch_status(&self, listener: Arc<dyn Listener>) -> Arc<NativeFeed> {
        let status = self.client.status();
        NativeFeed::new(move || Ok(News::Status { status: status.get().into() }), listener)
    }

    /// Watches what is not confirmed.
    pub fn watch_pending(&self, listener: Arc<dyn Listener>) -> Arc<NativeFeed> {
        let core = Arc::clone(self.core());
        let read = move || {
            core.watches.queue.track();
            let mutations = core.store.pending()?.into_iter().map(Into::into).collect();
            Ok(News::Pending { mutations })
        };
        NativeFeed::new(read, listener)
    }

    /// Watches what was refused.
    pub fn watch_rejected(&self, listener: Arc<dyn Listener>) -> Arc<NativeFeed> {
        let core = Arc::clone(self.core());
        let read = move || {
            core.watches.queue.track();
            let mutations = core.store.rejected()?.into_iter().map(Into::into).collect();
            Ok(News::Rejected { mutations })
        };
        NativeFeed::new(read, listener)
    }

    /// Watches an entity.
    pub fn watch_entity(&self, collection: &str, id: &str, listener: Arc<dyn Listener>) -> Arc<NativeFeed> {
        let (core, entity) = (Arc::clone(self.core()), self.handle(collection, id));
        let key = EntityKey::new(collection, id);
        let read = move || {
            let row = entity.stored_row()?.map(|row| NativeRow::new(&core.codec, &key, &row));
            Ok(News::Entity { row })
        };
        NativeFeed::new(read, listener)
    }

    /// Begins to wait.
    pub fn wait(&self, goal: Goal, listener: Arc<dyn Listener>) -> ApiResult<Arc<NativeWait>> {
        NativeWait::begin(Arc::clone(&self.client), goal, listener)
    }

    /// Tells the listener once, when everything has run that what happened before this call has made due.
    pub fn when_delivered(&self, listener: Arc<dyn Listener>) -> ApiResult<()> {
        Ok(self.client.when_delivered(move || tell(&*listener))?)
    }
}

/// A new id for an entity.
#[uniffi::export]
#[must_use]
pub fn new_id() -> String {
    crate::new_id()
}
