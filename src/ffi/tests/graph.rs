//! Nodes whose values and closures are on the other side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::super::{
    Body, CallbackError, Compute, ErrorKind, NativeComputed, NativeEffect, NativeSignal, batch, untrack,
};
use super::{Ear, kind, thrown};

/// Code of the other side.
struct Code<F>(F);

impl<F: Fn() + Send + Sync> Body for Code<F> {
    fn run(&self) -> Result<(), CallbackError> {
        (self.0)();
        Ok(())
    }
}

/// Values of the other side: numbers, and how often each was given and not forgotten yet.
struct Values<F> {
    compute: F,
    held: Mutex<Vec<u64>>,
}

impl<F: Fn() -> Result<u64, CallbackError> + Send + Sync> Values<F> {
    fn new(compute: F) -> Arc<Self> {
        Arc::new(Self { compute, held: Mutex::default() })
    }

    fn held(&self) -> Vec<u64> {
        self.held.lock().unwrap().clone()
    }
}

impl<F: Fn() -> Result<u64, CallbackError> + Send + Sync> Compute for Values<F> {
    fn compute(&self) -> Result<u64, CallbackError> {
        let number = (self.compute)()?;
        self.held.lock().unwrap().push(number);
        Ok(number)
    }

    fn forget(&self, number: u64) -> Result<(), CallbackError> {
        let mut held = self.held.lock().unwrap();
        let place = held.iter().position(|other| *other == number).unwrap();
        held.remove(place);
        Ok(())
    }
}

#[test]
fn an_effect_is_due_once_until_it_has_run_again() {
    let signal = NativeSignal::new();
    let (ear, due) = Ear::new();
    let effect = NativeEffect::new(ear);
    let reads = |effect: &NativeEffect| {
        let signal = Arc::clone(&signal);
        effect.run(Arc::new(Code(move || signal.track()))).unwrap();
    };
    reads(&effect);
    assert_eq!(due.try_iter().count(), 0);
    signal.changed().unwrap();
    signal.changed().unwrap();
    assert_eq!(due.try_iter().count(), 1);
    reads(&effect);
    signal.changed().unwrap();
    assert_eq!(due.try_iter().count(), 1);
    effect.run(Arc::new(Code(|| {}))).unwrap();
    signal.changed().unwrap();
    reads(&effect);
    effect.stop();
    signal.changed().unwrap();
    reads(&effect);
    drop(effect);
    signal.changed().unwrap();
    assert_eq!(due.try_iter().count(), 0);
}

#[test]
fn a_batch_makes_due_at_its_end_and_untracked_code_does_not() {
    let (signal, other) = (NativeSignal::new(), NativeSignal::new());
    let (ear, due) = Ear::new();
    let effect = NativeEffect::new(ear);
    {
        let (signal, other) = (Arc::clone(&signal), Arc::clone(&other));
        let body = move || {
            signal.track();
            let other = Arc::clone(&other);
            untrack(Arc::new(Code(move || other.track())));
        };
        effect.run(Arc::new(Code(body))).unwrap();
    }
    other.changed().unwrap();
    assert_eq!(due.try_iter().count(), 0);
    let due = Arc::new(Mutex::new(due));
    {
        let due = Arc::clone(&due);
        let body = move || {
            signal.changed().unwrap();
            assert_eq!(due.lock().unwrap().try_iter().count(), 0);
        };
        batch(Arc::new(Code(body))).unwrap();
    }
    assert_eq!(due.lock().unwrap().try_iter().count(), 1);
}

#[test]
fn a_value_is_forgotten_as_often_as_it_was_given() {
    let (signal, next) = (NativeSignal::new(), Arc::new(AtomicU64::new(1)));
    let values = {
        let (signal, next) = (Arc::clone(&signal), Arc::clone(&next));
        Values::new(move || {
            signal.track();
            Ok(next.load(Ordering::SeqCst))
        })
    };
    let computed = NativeComputed::new(Arc::clone(&values) as _, Ear::new().0);
    assert!(values.held().is_empty());
    assert_eq!(computed.get().unwrap(), 1);
    assert_eq!(computed.get().unwrap(), 1);
    assert_eq!(values.held(), [1]);
    // The same again is given once more, and one of the two is forgotten.
    signal.changed().unwrap();
    assert_eq!(computed.get().unwrap(), 1);
    assert_eq!(values.held(), [1]);
    next.store(2, Ordering::SeqCst);
    signal.changed().unwrap();
    assert_eq!(computed.get().unwrap(), 2);
    assert_eq!(values.held(), [2]);
    drop(computed);
    assert!(values.held().is_empty());
}

#[test]
fn the_number_of_a_value_is_recalled_when_there_may_be_another() {
    let signal = NativeSignal::new();
    let values = {
        let signal = Arc::clone(&signal);
        Values::new(move || {
            signal.track();
            Ok(1)
        })
    };
    let (ear, recalled) = Ear::new();
    let computed = NativeComputed::new(values, ear);
    assert_eq!(computed.get().unwrap(), 1);
    signal.changed().unwrap();
    assert_eq!(recalled.try_iter().count(), 0);
    assert_eq!(computed.lease().unwrap(), 1);
    signal.changed().unwrap();
    assert!(recalled.try_iter().count() > 0);
}

#[test]
fn what_cannot_be_computed_says_so_and_is_tried_again() {
    let fails = Arc::new(AtomicU64::new(1));
    let values = {
        let fails = Arc::clone(&fails);
        Values::new(move || if fails.load(Ordering::SeqCst) == 1 { Err(thrown()) } else { Ok(7) })
    };
    let computed = NativeComputed::new(values, Ear::new().0);
    assert_eq!(kind(computed.get(), "it threw"), ErrorKind::Misuse);
    fails.store(0, Ordering::SeqCst);
    assert_eq!(computed.get().unwrap(), 7);
}

#[test]
fn a_computed_that_needs_itself_or_writes_says_so_without_places_in_this_crate() {
    let itself: Arc<Mutex<Option<Arc<NativeComputed>>>> = Arc::default();
    let found = Arc::new(Mutex::new(Vec::new()));
    let values = {
        let (itself, found) = (Arc::clone(&itself), Arc::clone(&found));
        Values::new(move || {
            let computed = itself.lock().unwrap().clone().unwrap();
            found.lock().unwrap().push(computed.get());
            found.lock().unwrap().push(NativeSignal::new().changed().map(|()| 0));
            Ok(1)
        })
    };
    let computed = NativeComputed::new(values, Ear::new().0);
    *itself.lock().unwrap() = Some(Arc::clone(&computed));
    assert_eq!(computed.get().unwrap(), 1);
    *itself.lock().unwrap() = None;
    let mut found = found.lock().unwrap().drain(..).collect::<Vec<_>>().into_iter();
    let sentence = "the computed reads itself; what a computed reads must not need the computed";
    assert_eq!(kind(found.next().unwrap(), sentence), ErrorKind::Misuse);
    assert_eq!(kind(found.next().unwrap(), "a computed value must not write"), ErrorKind::Misuse);
}
