//! Computeds: values made of others.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::graph::node::{Compute, ComputedNode, Kind, Place, Value};
use super::handle::{Handle, Share};
use super::run;

/// A value that is made of others, when it is read and something that it was made of has changed.
///
/// ```
/// use mizu_sync::{Computed, Signal};
///
/// let price = Signal::new(4);
/// let total = Computed::new({
///     let price = price.clone();
///     move || price.get() * 3
/// });
/// assert_eq!(total.get(), 12);
/// price.set(5);
/// assert_eq!(total.get(), 15);
/// ```
///
/// Clones are handles of the same computed.
pub struct Computed<T> {
    inner: Arc<Inner>,
    _value: std::marker::PhantomData<fn() -> T>,
}

struct Inner {
    handle: Handle,
    place: Place,
}

struct Closure<F, E, R> {
    compute: F,
    is_same: E,
    recall: R,
}

impl<T, F, E, R> Compute for Closure<F, E, R>
where
    T: Send + Sync + 'static,
    F: Fn() -> T + Send + Sync,
    E: Fn(&T, &T) -> bool + Send + Sync,
    R: Fn() + Send + Sync,
{
    fn compute(&self) -> Value {
        Arc::new((self.compute)())
    }

    fn is_same(&self, old: &Value, new: &Value) -> bool {
        match (old.downcast_ref(), new.downcast_ref()) {
            (Some(old), Some(new)) => (self.is_same)(old, new),
            _ => false,
        }
    }

    fn recall(&self) {
        (self.recall)();
    }
}

impl<T: Send + Sync + 'static> Computed<T> {
    /// Makes a computed. `compute` runs when it is read for the first time. A value that is equal to the one
    /// before is no change.
    ///
    /// `compute` only reads: what it gives is to depend on signals, computeds and sources alone. Two threads
    /// may run it at the same time, and it runs once more when what it has read changes while it runs.
    #[track_caller]
    pub fn new(compute: impl Fn() -> T + Send + Sync + 'static) -> Self
    where
        T: PartialEq,
    {
        Self::new_with_compare(compute, T::eq)
    }

    /// Makes a computed with a comparison of its own, which says of the old and the new value whether they are
    /// the same.
    #[track_caller]
    pub fn new_with_compare(
        compute: impl Fn() -> T + Send + Sync + 'static,
        is_same: impl Fn(&T, &T) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::new_with_leases(compute, is_same, || ())
    }

    /// As [`Self::new_with_compare`], for one whose value is also kept elsewhere: `recall` ends what [`Self::lease`] began.
    #[track_caller]
    pub(crate) fn new_with_leases(
        compute: impl Fn() -> T + Send + Sync + 'static,
        is_same: impl Fn(&T, &T) -> bool + Send + Sync + 'static,
        recall: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let place = Location::caller();
        let node = ComputedNode::new(Arc::new(Closure { compute, is_same, recall }));
        let handle = Handle::new(place, Kind::Computed(node));
        Self { inner: Arc::new(Inner { handle, place }), _value: std::marker::PhantomData }
    }

    /// The value now.
    ///
    /// # Panics
    /// When the closure panics; it is run again when it is read the next time. When it needs its own value.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Lends the value.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[track_caller]
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        Share::new(run::read_computed(self.inner.handle.id())).lend(read)
    }

    /// Lends the value to somebody who keeps it, or a copy of it, as the value of now until it is recalled.
    ///
    /// As soon as the value may be another one, it is recalled: once, before the call that changes something returns, on
    /// its thread and with no lock held. At once, where no lease can be had: in a batch that has written something, and
    /// when the value was overtaken.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    #[cfg(feature = "ffi")]
    #[track_caller]
    pub(crate) fn lease<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        Share::new(run::lease_computed(self.inner.handle.id())).lend(read)
    }
}

impl<T> Clone for Computed<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), _value: std::marker::PhantomData }
    }
}

impl<T> fmt::Debug for Computed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computed")
            .field("made_at", &format_args!("{}", self.inner.place))
            .finish_non_exhaustive()
    }
}
