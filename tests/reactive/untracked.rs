//! Reads that make no dependency.

use mizu_sync::{Computed, Effect, Signal, batch, untrack};

use crate::log::{Counter, Log, own, panic_of};

#[test]
fn an_untracked_read_does_not_wake_an_effect() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let _effect = Effect::new(own!(a, b, seen => move || seen.add((a.get(), untrack(|| b.get())))));
    b.set(1);
    assert_eq!(seen.take(), [(0, 0)]);
    a.set(1);
    assert_eq!(seen.take(), [(1, 1)]);
}

#[test]
fn an_untracked_read_does_not_wake_a_computed() {
    let (a, b) = (Signal::new(1), Signal::new(1));
    let sum = Computed::new(own!(a, b => move || a.get() + untrack(|| b.get())));
    assert_eq!(sum.get(), 2);
    b.set(10);
    assert_eq!(sum.get(), 2);
    a.set(2);
    assert_eq!(sum.get(), 12);
}

#[test]
fn an_untracked_read_of_a_stale_computed_is_fresh() {
    let source = Signal::new(1);
    let double = Computed::new(own!(source => move || source.get() * 2));
    let _ = double.get();
    source.set(2);
    assert_eq!(untrack(|| double.get()), 4);
}

#[test]
fn what_an_untracked_computed_reads_is_its_own() {
    let source = Signal::new(1);
    let double = Computed::new(own!(source => move || source.get() * 2));
    let runs = Counter::new();
    let _effect = Effect::new(own!(double, runs => move || {
        untrack(|| double.get());
        runs.add();
    }));
    source.set(2);
    assert_eq!(runs.take(), 1);
    assert_eq!(double.get(), 4);
}

#[test]
fn tracking_goes_on_after_an_untracked_part_that_panicked() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let _effect = Effect::new(own!(a, b, runs => move || {
        runs.add();
        panic_of(|| untrack(|| {
            a.get();
            panic!("untracked")
        }));
        b.get();
    }));
    a.set(1);
    assert_eq!(runs.take(), 1);
    b.set(1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn untracked_parts_nest() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, runs => move || {
        runs.add();
        untrack(|| {
            untrack(|| ());
            source.get();
        });
    }));
    source.set(1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn untrack_outside_of_everything_gives_the_value() {
    let source = Signal::new(3);
    assert_eq!(untrack(|| source.get()), 3);
}

#[test]
fn an_untracked_write_in_an_effect_wakes_others() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let _writer = Effect::new(own!(a, b => move || {
        let value = a.get();
        untrack(|| b.set(value));
    }));
    let seen = Log::new();
    let _reader = Effect::new(own!(b, seen => move || seen.add(b.get())));
    a.set(1);
    batch(|| a.set(2));
    assert_eq!(seen.take(), [0, 1, 2]);
}
