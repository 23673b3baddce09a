//! Signals: values that are read and set.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::batch::{SignalCell, Write};
use super::bin::{self, Trash};
use super::flush;
use super::graph::node::{Kind, NodeId, Place, Value};
use super::handle::{Handle, Share};
use super::thread::{Untracked, enter, with_thread};

/// A value that can be read and set from any thread, and that tells who has read it when it changes.
///
/// ```
/// use mizu_sync::Signal;
///
/// let name = Signal::new(String::from("Ada"));
/// name.update(|name| name.push_str(" Lovelace"));
/// assert_eq!(name.get(), "Ada Lovelace");
/// assert_eq!(name.with(|name| name.len()), 12);
/// ```
///
/// Clones are handles of the same signal.
pub struct Signal<T> {
    inner: Arc<Inner<T>>,
}

struct Inner<T> {
    handle: Handle,
    place: Place,
    is_same: Comparison<T>,
}

/// Whether a new value (the second) is no change.
type Comparison<T> = Box<dyn Fn(&T, &T) -> bool + Send + Sync>;

impl<T: Send + Sync + 'static> Signal<T> {
    /// Makes a signal. To set a value that is equal to the one before is no change.
    #[track_caller]
    pub fn new(value: T) -> Self
    where
        T: PartialEq,
    {
        Self::new_with_compare(value, T::eq)
    }

    /// Makes a signal with a comparison of its own, which says of the old and the new value whether they are
    /// the same. `|_, _| false` makes each set a change.
    ///
    /// ```
    /// use mizu_sync::Signal;
    ///
    /// let angle = Signal::new_with_compare(10, |old, new| old % 360 == new % 360);
    /// angle.set(370);
    /// assert_eq!(angle.get(), 10);
    /// ```
    #[track_caller]
    pub fn new_with_compare(value: T, is_same: impl Fn(&T, &T) -> bool + Send + Sync + 'static) -> Self {
        let place = Location::caller();
        let handle = Handle::new(place, Kind::Signal(Arc::new(value)));
        Self { inner: Arc::new(Inner { handle, place, is_same: Box::new(is_same) }) }
    }

    /// The value now. In a batch of this thread, the one written there.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Lends the value. It stays what it is while `read` runs; others may set the signal meanwhile.
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        let id = self.inner.handle.id();
        let value = enter(|graph, thread| {
            let (value, version) = match thread.buffer.written(id) {
                Some(write) => (Value::clone(&write.value), write.version(graph)),
                None => (Value::clone(graph.signal_value(id)), graph.version(id)),
            };
            thread.note(graph, id, version);
            value
        });
        Share::new(value).lend(read)
    }

    /// Sets the value. Effects that read it have run when this returns, except in a batch or an effect, after
    /// which they do, and those that another thread is running just now.
    ///
    /// # Panics
    /// In the closure of a computed: it only reads. And when an effect panics.
    #[track_caller]
    pub fn set(&self, value: T) {
        if !self.may_write() {
            return;
        }
        let mut value: Option<Value> = Some(Arc::new(value));
        self.write(|_| value.take());
        flush::run_due();
    }

    /// Changes the value in a copy of it, which then becomes the value. What `change` reads of this signal is
    /// not tracked.
    ///
    /// When another thread sets the signal meanwhile, `change` runs again on the newer value, so nothing is
    /// lost. In a batch it changes what the batch sees, and what others set in the meantime is overwritten at
    /// the end of the batch.
    ///
    /// # Panics
    /// As [`set`](Self::set). When `change` panics, the value stays as it was.
    #[track_caller]
    pub fn update(&self, mut change: impl FnMut(&mut T))
    where
        T: Clone,
    {
        if !self.may_write() {
            return;
        }
        self.write(|now| {
            let mut value = T::clone(typed(now));
            change(&mut value);
            Some(Arc::new(value))
        });
        flush::run_due();
    }

    /// Writes what `make` makes of the value now. It is called again when the value has changed meanwhile, and
    /// gives none to write the same again.
    fn write(&self, mut make: impl FnMut(&Value) -> Option<Value>) {
        let id = self.inner.handle.id();
        let mut made: Option<Value> = None;
        loop {
            let (now, base, is_batch) = enter(|graph, thread| {
                let base = Value::clone(graph.signal_value(id));
                let written = thread.buffer.written(id).map(|write| Value::clone(&write.value));
                (written.unwrap_or_else(|| Value::clone(&base)), base, thread.batches > 0)
            });
            if let Some(old) = make(&now).and_then(|value| made.replace(value)) {
                bin::throw(old.into());
            }
            let Some(value) = made.take() else { return };
            let is_same = |old: &Value| {
                let _untracked = Untracked::enter();
                self.inner.is_same(old, &value)
            };
            let is_unchanged = is_same(&now);
            // In a batch what counts is whether it differs from the graph's value.
            let is_written = !Arc::ptr_eq(&now, &base);
            let is_change = !if is_written && !is_unchanged { is_same(&base) } else { is_unchanged };
            let left = enter(|graph, thread| {
                graph.trash.extend([Trash::Value(now), Trash::Value(Value::clone(&base))]);
                if is_unchanged && (!is_batch || is_written) {
                    graph.trash.push(value.into());
                    return None;
                }
                if is_batch {
                    // What is equal is kept too: others may write before this batch ends, and it is to win.
                    let (cell, version): (Arc<dyn SignalCell>, _) = (self.inner.clone(), graph.new_number());
                    thread.buffer.write(graph, Write { cell, value, base, is_change, version });
                    return None;
                }
                if !Arc::ptr_eq(graph.signal_value(id), &base) {
                    return Some(value);
                }
                let version = graph.new_number();
                let mut due = vec![];
                graph.write(id, value, version, thread.token, &mut due);
                thread.due.extend(due.into_iter().map(std::cmp::Reverse));
                None
            });
            if left.is_none() {
                return;
            }
            made = left;
        }
    }

    /// Panics where nothing may be written. False when it may not, and a panic would end the process.
    #[track_caller]
    fn may_write(&self) -> bool {
        let Some(computed) = with_thread(|thread| thread.computing()) else { return true };
        let signal = self.inner.place;
        let text = format!(
            "the computed made at {computed} writes to the signal made at {signal}; a computed only reads, write in an \
             effect"
        );
        assert!(std::thread::panicking(), "{text}");
        tracing::error!("{text}");
        false
    }
}

fn typed<T: 'static>(value: &Value) -> &T {
    value.downcast_ref().unwrap_or_else(|| unreachable!("a signal's values are of its type"))
}

impl<T: Send + Sync + 'static> SignalCell for Inner<T> {
    fn id(&self) -> NodeId {
        self.handle.id()
    }

    fn is_same(&self, old: &Value, new: &Value) -> bool {
        (self.is_same)(typed(old), typed(new))
    }
}

impl<T> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T> fmt::Debug for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal")
            .field("made_at", &format_args!("{}", self.inner.place))
            .finish_non_exhaustive()
    }
}
