//! What a closure did, for the test to see.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What happened, in order.
#[derive(Clone)]
pub struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Log<T> {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Vec::new())))
    }

    pub fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    /// What happened since this was asked last.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// How often something happened.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How often since this was asked last.
    pub fn take(&self) -> usize {
        self.0.swap(0, Ordering::SeqCst)
    }
}

/// The text of the panic that this ends in.
pub fn panic_of<R>(work: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => (*payload.downcast_ref::<&str>().unwrap()).to_owned(),
        },
    }
}

/// A closure that owns clones of the handles named first: `own!(a, b => move || a.get() + b.get())`.
macro_rules! own {
    ($($handle:ident),+ => $closure:expr) => {{
        $(let $handle = $handle.clone();)+
        $closure
    }};
}
pub(crate) use own;
