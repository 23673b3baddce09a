//! Live queries: which entities of a collection, in which order.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;

use super::row::{self, Row};
use super::rows::{RowsUpdate, Shown};
use super::subscription::Subscription;
use crate::client::{Core, watches};
use crate::error::Result;
use crate::model::{EntityKey, Filter, Order, QuerySpec};
use crate::reactive::{self, Computed};
use crate::store::{StoreError, StoredRow, Version};

/// Entities of a collection: those that satisfy a condition, in an order, from one place to another.
///
/// Making one reads nothing. Reads inside of an effect or a computed value make it run again when their answer is
/// another one, and only then. Ids end every order, so that it is always the same.
///
/// ```
/// use mizu_sync::{Client, field};
/// # #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// # struct Todo { title: String, done: bool }
/// # let client = Client::builder("https://api.example.com/_sync", "user:1").in_memory().open()?;
/// let todos = client.collection::<Todo>("todo");
/// todos.add(Todo { title: "Milk".into(), done: false })?;
/// todos.add(Todo { title: "Bread".into(), done: false })?;
///
/// let open = todos.query().filter(field("done").eq(false)).order_by("title").limit(50);
/// let titles: Vec<String> = open.all()?.into_iter().map(|row| row.value.title).collect();
/// assert_eq!(titles, ["Bread", "Milk"]);
/// # Ok::<(), mizu_sync::Error>(())
/// ```
#[must_use = "a query reads nothing before it is asked"]
pub struct Query<T> {
    asked: Arc<Asked>,
    of: PhantomData<fn() -> T>,
}

/// What is asked, and the answers that are remembered for those who watch.
struct Asked {
    core: Arc<Core>,
    collection: Arc<str>,
    spec: QuerySpec,
    rows: OnceLock<Computed<Result<Versioned, StoreError>>>,
    count: OnceLock<Computed<Result<u64, StoreError>>>,
}

/// Rows, and the version that they have at least: it was read before them.
#[derive(Clone)]
struct Versioned {
    version: Version,
    rows: Arc<Vec<StoredRow>>,
}

/// Two answers of the same rows are the same, whenever they were given.
fn is_same(one: &Result<Versioned, StoreError>, other: &Result<Versioned, StoreError>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one.rows == other.rows,
        (Err(one), Err(other)) => one == other,
        _ => false,
    }
}

impl Asked {
    fn new(core: Arc<Core>, collection: Arc<str>, spec: QuerySpec) -> Arc<Self> {
        Arc::new(Self { core, collection, spec, rows: OnceLock::new(), count: OnceLock::new() })
    }

    /// The rows of now.
    fn rows(&self) -> Result<Versioned, StoreError> {
        let read = |core: &Core, collection: &str, spec: &QuerySpec| {
            let version = core.store.version();
            let rows = Arc::new(core.store.query(collection, spec)?);
            Ok(Versioned { version, rows })
        };
        if !reactive::is_tracking() {
            return read(&self.core, &self.collection, &self.spec);
        }
        let rows = self.rows.get_or_init(|| {
            let (core, collection, spec) = self.parts();
            let watched = core.watches.query(&collection, spec.filter.clone(), watches::Answer::Rows);
            let ask = move || {
                watched.source.track();
                read(&core, &collection, &spec)
            };
            Computed::new_with_compare(ask, is_same)
        });
        rows.get()
    }

    fn count(&self) -> Result<u64, StoreError> {
        if !reactive::is_tracking() {
            return self.core.store.count_query(&self.collection, &self.spec);
        }
        let count = self.count.get_or_init(|| {
            let (core, collection, spec) = self.parts();
            let watched = core.watches.query(&collection, spec.filter.clone(), watches::Answer::Count);
            Computed::new(move || {
                watched.source.track();
                core.store.count_query(&collection, &spec)
            })
        });
        count.get()
    }

    fn parts(&self) -> (Arc<Core>, Arc<str>, QuerySpec) {
        (Arc::clone(&self.core), Arc::clone(&self.collection), self.spec.clone())
    }
}

impl<T> Query<T> {
    pub(super) fn new(core: Arc<Core>, collection: Arc<str>) -> Self {
        Self { asked: Asked::new(core, collection, QuerySpec::default()), of: PhantomData }
    }

    fn with(self, change: impl FnOnce(&mut QuerySpec)) -> Self {
        let (core, collection, mut spec) = self.asked.parts();
        change(&mut spec);
        Self { asked: Asked::new(core, collection, spec), of: PhantomData }
    }

    /// Only those that satisfy this condition, and the ones given before.
    pub fn filter(self, filter: Filter) -> Self {
        self.with(|spec| {
            spec.filter = Some(match spec.filter.take() {
                Some(before) => before.and(filter),
                None => filter,
            });
        })
    }

    /// Ordered by this field: its name for the least first, or `field("title").desc()`. A second one decides where the
    /// first is equal.
    pub fn order_by(self, order: impl Into<Order>) -> Self {
        self.with(|spec| spec.order.push(order.into()))
    }

    /// At most so many.
    pub fn limit(self, limit: u64) -> Self {
        self.with(|spec| spec.limit = Some(limit))
    }

    /// Without the first so many.
    pub fn offset(self, offset: u64) -> Self {
        self.with(|spec| spec.offset = offset)
    }

    /// Its rows now, and the version that they have at least. Tracked.
    #[cfg(feature = "ffi")]
    pub(crate) fn stored(&self) -> Result<(Version, Arc<Vec<StoredRow>>)> {
        let Versioned { version, rows } = self.asked.rows()?;
        Ok((version, rows))
    }

    /// What `add` makes of the rows of now. Nobody is noted to have read them.
    #[cfg(feature = "ffi")]
    pub(crate) fn read_into<B: Default>(
        &self,
        add: impl Fn(&mut B, crate::store::RawRow<'_>),
    ) -> Result<(Version, B)> {
        let Asked { core, collection, spec, .. } = &*self.asked;
        let version = core.store.version();
        Ok((version, core.store.query_into(collection, spec, add)?))
    }

    /// How many there are, those that do not fit the app's type included.
    ///
    /// # Errors
    /// When the query is too large or the database cannot be read.
    pub fn count(&self) -> Result<u64> {
        Ok(self.asked.count()?)
    }
}

impl<T: DeserializeOwned> Query<T> {
    /// All of them. One that does not fit the type is passed over, and reported once by `on_error`.
    ///
    /// # Errors
    /// When the query is too large or the database cannot be read.
    pub fn all(&self) -> Result<Vec<Row<T>>> {
        Ok(self.typed(&self.asked.rows()?.rows))
    }

    /// The first of them, if there is any.
    ///
    /// # Errors
    /// As [`Query::all`].
    pub fn first(&self) -> Result<Option<Row<T>>> {
        let limit = self.asked.spec.limit.unwrap_or(1).min(1);
        let first = self.clone().limit(limit).asked.rows()?.rows;
        match (self.typed(&first).pop(), first.is_empty()) {
            // It does not fit the type: one behind it may.
            (None, false) => Ok(self.all()?.into_iter().next()),
            (found, _) => Ok(found),
        }
    }

    fn typed(&self, rows: &[StoredRow]) -> Vec<Row<T>> {
        rows.iter().filter_map(|row| self.decode(row)).collect()
    }

    fn decode(&self, stored: &StoredRow) -> Option<Row<T>> {
        let key = EntityKey::new(&self.asked.collection, &stored.id);
        match row::typed(&self.asked.core, &key, stored) {
            Ok(row) => Some(row),
            Err(error) => {
                self.asked.core.report_undecodable(&error, key);
                None
            }
        }
    }
}

impl<T: DeserializeOwned + 'static> Query<T> {
    /// Lets `listener` have the rows now, and from then on what becomes of them: for lists on a screen. It is called on
    /// this thread first and on the client's thread for callbacks later, with no lock held, until the subscription is
    /// dropped. When rows change faster than it returns, it hears of several changes at once.
    ///
    /// ```
    /// # use mizu_sync::{Client, RowsUpdate};
    /// # use std::time::Duration;
    /// # #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// # struct Todo { title: String }
    /// # let client = Client::builder("https://api.example.com/_sync", "user:1").in_memory().open()?;
    /// # let todos = client.collection::<Todo>("todo");
    /// let mut list = Vec::new();
    /// let subscription = todos.query().order_by("title").subscribe(move |update| {
    ///     update.apply(&mut list);
    ///     println!("{} rows", list.len());
    /// });
    /// todos.add(Todo { title: "Milk".into() })?;
    /// client.delivered(Duration::from_secs(10))?;
    /// # drop(subscription);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn subscribe(&self, mut listener: impl FnMut(RowsUpdate<T>) + Send + 'static) -> Subscription {
        let query = self.clone();
        let mut shown: Option<Shown> = None;
        Subscription::new(move || {
            let Versioned { version, rows } = query.asked.rows()?;
            let decode = |row: &StoredRow| query.decode(row);
            // Put back when the listener has returned: one that panics has not heard, and is told of all rows the next
            // time.
            let (now, update) = match shown.take() {
                None => {
                    let (now, all) = Shown::first(&rows, version, decode);
                    (now, Some(all))
                }
                Some(mut before) => {
                    let update = before.update(&rows, version, decode);
                    (before, update)
                }
            };
            if let Some(update) = update {
                reactive::outside(|| listener(update));
            }
            shown = Some(now);
            Ok(())
        })
    }
}

impl<T> Clone for Query<T> {
    fn clone(&self) -> Self {
        Self { asked: Arc::clone(&self.asked), of: PhantomData }
    }
}

impl<T> fmt::Debug for Query<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the values that fields are compared with: they are the user's data.
        f.debug_struct("Query").field("collection", &self.asked.collection).finish_non_exhaustive()
    }
}
