//! Equal values go no further.

use std::sync::Arc;

use mizu_sync::{Computed, Effect, Signal};

use crate::log::{Counter, Log, own};

#[test]
fn setting_an_equal_value_is_no_change() {
    let source = Signal::new(1);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    source.set(1);
    source.update(|_| {});
    assert_eq!(runs.take(), 1);
}

#[test]
fn an_equal_result_of_a_computed_stops_the_change() {
    let source = Signal::new(1);
    let is_odd = Computed::new(own!(source => move || source.get() % 2 == 1));
    let runs = Counter::new();
    let text = Computed::new(own!(is_odd, runs => move || {
        runs.add();
        if is_odd.get() { "odd" } else { "even" }
    }));
    assert_eq!(text.get(), "odd");
    source.set(3);
    assert_eq!(text.get(), "odd");
    assert_eq!(runs.take(), 1);
    source.set(4);
    assert_eq!(text.get(), "even");
    assert_eq!(runs.take(), 1);
}

#[test]
fn an_effect_does_not_run_when_its_computed_stays_equal() {
    let source = Signal::new(1);
    let is_positive = Computed::new(own!(source => move || source.get() > 0));
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add(is_positive.get())));
    source.set(2);
    source.set(3);
    assert_eq!(seen.take(), [true]);
    source.set(-1);
    assert_eq!(seen.take(), [false]);
}

#[test]
fn an_unchanged_node_in_the_middle_of_a_chain_ends_the_looking() {
    let source = Signal::new(1);
    let ran = Log::new();
    let sign = Computed::new(own!(source, ran => move || {
        ran.add("sign");
        source.get() > 0
    }));
    let second = Computed::new(own!(ran => move || {
        ran.add("second");
        sign.get()
    }));
    let third = Computed::new(own!(ran => move || {
        ran.add("third");
        second.get()
    }));
    let _ = third.get();
    assert_eq!(ran.take(), ["third", "second", "sign"]);
    source.set(2);
    let _ = third.get();
    assert_eq!(ran.take(), ["sign"]);
    source.set(3);
    let _ = third.get();
    assert_eq!(ran.take(), ["sign"]);
}

#[test]
fn a_signal_that_comes_back_between_two_reads_changes_nothing_above() {
    // Two real changes, but the value read is the same: the computed above runs, what is above it does not.
    let source = Signal::new(1);
    let runs = Counter::new();
    let copy = Computed::new(own!(source => move || source.get()));
    let above = Computed::new(own!(copy, runs => move || {
        runs.add();
        copy.get()
    }));
    let _ = above.get();
    runs.take();
    source.set(2);
    source.set(1);
    assert_eq!(above.get(), 1);
    assert_eq!(runs.take(), 0);
}

#[test]
fn a_comparison_of_ones_own_decides_for_a_signal() {
    let source = Signal::new_with_compare(1.0_f64, |old, new| (old - new).abs() < 0.5);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
    source.set(1.2);
    source.set(1.7);
    assert_eq!(seen.take(), [1.0, 1.7]);
    let always = Signal::new_with_compare((), |(), ()| false);
    let runs = Counter::new();
    let _effect = Effect::new(own!(always, runs => move || {
        always.get();
        runs.add();
    }));
    always.set(());
    assert_eq!(runs.take(), 2);
}

#[test]
fn a_comparison_of_ones_own_decides_for_a_computed() {
    let source = Signal::new(10);
    let rounded =
        Computed::new_with_compare(own!(source => move || source.get()), |old, new| old / 10 == new / 10);
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add(rounded.get())));
    source.set(15);
    source.set(21);
    assert_eq!(seen.take(), [10, 21]);
}

#[test]
fn the_comparison_gets_the_old_value_first() {
    let calls = Log::new();
    let source = Signal::new_with_compare(
        1,
        own!(calls => move |old, new| {
            calls.add((*old, *new));
            old == new
        }),
    );
    source.set(2);
    source.set(3);
    assert_eq!(calls.take(), [(1, 2), (2, 3)]);
}

#[test]
fn a_comparison_tracks_nothing() {
    let (source, other) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let copy = Computed::new_with_compare(
        own!(source, runs => move || {
            runs.add();
            source.get()
        }),
        own!(other => move |old, new| {
            other.get();
            old == new
        }),
    );
    let written = Signal::new_with_compare(
        0,
        own!(other => move |_, _| {
            other.get();
            false
        }),
    );
    let effect_runs = Counter::new();
    let _effect = Effect::new(own!(copy, effect_runs => move || {
        effect_runs.add();
        written.set(copy.get());
    }));
    source.set(1);
    runs.take();
    effect_runs.take();
    other.set(1);
    let _ = copy.get();
    assert_eq!((runs.take(), effect_runs.take()), (0, 0));
}

#[test]
fn a_value_that_is_never_equal_to_itself_always_changes() {
    let source = Signal::new(f64::NAN);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    source.set(f64::NAN);
    assert_eq!(runs.take(), 2);
}

#[test]
fn an_equal_result_leaves_the_old_value_in_place() {
    let source = Signal::new(1);
    let text = Computed::new(own!(source => move || {
        source.get();
        Arc::new(String::from("same"))
    }));
    let before = text.get();
    source.set(2);
    assert!(Arc::ptr_eq(&before, &text.get()));
}
