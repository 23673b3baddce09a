//! A computed runs when it is read, and only if a dependency really changed.

use mizu_sync::{Computed, Effect, Signal};

use crate::log::{Counter, own};

/// A computed that doubles a signal, and how often it ran.
fn doubled(source: &Signal<i32>) -> (Computed<i32>, Counter) {
    let runs = Counter::new();
    let double = Computed::new(own!(source, runs => move || {
        runs.add();
        source.get() * 2
    }));
    (double, runs)
}

#[test]
fn a_computed_does_not_run_before_it_is_read() {
    let source = Signal::new(1);
    let (double, runs) = doubled(&source);
    source.set(2);
    assert_eq!(runs.take(), 0);
    assert_eq!(double.get(), 4);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_computed_is_cached_while_nothing_changes() {
    let source = Signal::new(1);
    let (double, runs) = doubled(&source);
    for _ in 0..5 {
        assert_eq!(double.get(), 2);
    }
    assert_eq!(runs.take(), 1);
}

#[test]
fn many_changes_between_two_reads_cost_one_run() {
    let source = Signal::new(1);
    let (double, runs) = doubled(&source);
    let _ = double.get();
    runs.take();
    for value in 2..10 {
        source.set(value);
    }
    assert_eq!(runs.take(), 0);
    assert_eq!(double.get(), 18);
    assert_eq!(runs.take(), 1);
}

#[test]
fn changes_of_two_dependencies_cost_one_run() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let sum = Computed::new(own!(a, b, runs => move || {
        runs.add();
        a.get() + b.get()
    }));
    let _ = sum.get();
    runs.take();
    a.set(1);
    b.set(1);
    assert_eq!(sum.get(), 2);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_computed_that_reads_nothing_runs_once() {
    let other = Signal::new(0);
    let runs = Counter::new();
    let constant = Computed::new(own!(runs => move || {
        runs.add();
        7
    }));
    assert_eq!(constant.get(), 7);
    other.set(1);
    assert_eq!(constant.get(), 7);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_computed_that_nobody_observes_any_more_is_not_run_and_still_right() {
    let source = Signal::new(1);
    let (double, runs) = doubled(&source);
    let effect = Effect::new(own!(double => move || {
        double.get();
    }));
    effect.stop();
    runs.take();
    source.set(2);
    source.set(3);
    assert_eq!(runs.take(), 0);
    assert_eq!(double.get(), 6);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_chain_is_not_run_again_where_its_start_was_not_reached() {
    let (a, b) = (Signal::new(1), Signal::new(1));
    let (from_a, runs_a) = doubled(&a);
    let (from_b, runs_b) = doubled(&b);
    let sum = Computed::new(own!(from_a, from_b => move || from_a.get() + from_b.get()));
    assert_eq!(sum.get(), 4);
    runs_a.take();
    runs_b.take();
    a.set(5);
    assert_eq!(sum.get(), 12);
    assert_eq!((runs_a.take(), runs_b.take()), (1, 0));
}

#[test]
fn a_computed_with_a_unit_or_none_as_value_is_cached_too() {
    let source = Signal::new(1);
    let runs = Counter::new();
    let nothing: Computed<Option<i32>> = Computed::new(own!(source, runs => move || {
        runs.add();
        source.get();
        None
    }));
    assert_eq!(nothing.get(), None);
    assert_eq!(nothing.get(), None);
    assert_eq!(runs.take(), 1);
}

#[test]
fn signals_and_computeds_may_be_made_inside_a_computed() {
    let source = Signal::new(1);
    let outer = Computed::new(own!(source => move || {
        let inner = Signal::new(10);
        let sum = Computed::new(own!(source, inner => move || source.get() + inner.get()));
        sum.get()
    }));
    assert_eq!(outer.get(), 11);
    source.set(2);
    assert_eq!(outer.get(), 12);
}

#[test]
fn a_value_is_lent_without_a_copy() {
    struct Uncopyable(i32);
    let source = Signal::new_with_compare(Uncopyable(3), |_, _| false);
    let double = Computed::new_with_compare(
        own!(source => move || Uncopyable(source.with(|value| value.0 * 2))),
        |_, _| false,
    );
    assert_eq!(double.with(|value| value.0), 6);
}

#[test]
fn dependencies_are_looked_at_in_the_order_in_which_they_were_read() {
    // The second is only valid while the first says so: it must not run when the first has changed.
    let items = Signal::new(vec![1, 2, 3]);
    let is_there = Computed::new(own!(items => move || items.with(|items| items.len() > 2)));
    let third = Computed::new(own!(items => move || items.with(|items| items[2])));
    let shown = Computed::new(move || if is_there.get() { third.get() } else { 0 });
    assert_eq!(shown.get(), 3);
    items.set(vec![1]);
    assert_eq!(shown.get(), 0);
}
