//! Writes inside of effects, and where there must be none.

use mizu_sync::{Computed, Effect, Signal, batch, untrack};

use crate::log::{Counter, Log, own, panic_of};

#[test]
fn what_an_effect_writes_wakes_others_after_it() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let log = Log::new();
    let _writer = Effect::new(own!(a, b, log => move || {
        let value = a.get();
        b.set(value * 10);
        log.add(format!("wrote {value}"));
    }));
    let _reader = Effect::new(own!(b, log => move || log.add(format!("read {}", b.get()))));
    log.take();
    a.set(1);
    assert_eq!(log.take(), ["wrote 1", "read 10"]);
}

#[test]
fn an_effect_sees_its_own_writes_at_once() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let double = Computed::new(own!(b => move || b.get() * 2));
    let seen = Log::new();
    let _effect = Effect::new(own!(a, b, double, seen => move || {
        b.set(a.get());
        seen.add((untrack(|| b.get()), untrack(|| double.get())));
    }));
    a.set(3);
    assert_eq!(seen.take(), [(0, 0), (3, 6)]);
}

#[test]
fn an_effect_that_is_due_sees_what_an_earlier_one_wrote_and_runs_once() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let sum = Computed::new(own!(a, b => move || a.get() + b.get()));
    let _writer = Effect::new(own!(a, b => move || b.set(a.get() * 10)));
    let seen = Log::new();
    let _reader = Effect::new(own!(sum, a, seen => move || seen.add((a.get(), sum.get()))));
    a.set(1);
    assert_eq!(seen.take(), [(0, 0), (1, 11)]);
}

#[test]
fn two_writers_are_seen_together_by_a_later_reader() {
    let (a, b, c) = (Signal::new(0), Signal::new(0), Signal::new(0));
    let sum = Computed::new(own!(b, c => move || b.get() + c.get()));
    let _first = Effect::new(own!(a, b => move || b.set(a.get() * 10)));
    let _second = Effect::new(own!(a, c => move || c.set(a.get() * 20)));
    let seen = Log::new();
    let _reader = Effect::new(own!(seen => move || seen.add(sum.get())));
    a.set(1);
    assert_eq!(seen.take(), [0, 30]);
}

#[test]
fn an_effect_that_writes_what_it_reads_comes_to_rest() {
    let source = Signal::new(5);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || {
        let value = source.get();
        seen.add(value);
        if value > 0 {
            source.set(value - 1);
        }
    }));
    assert_eq!(seen.take(), [5, 4, 3, 2, 1, 0]);
    source.set(2);
    assert_eq!(seen.take(), [2, 1, 0]);
}

#[test]
fn an_effect_that_writes_through_a_computed_can_do_so_again_and_again() {
    let source = Signal::new(0);
    let copy = Computed::new(own!(source => move || source.get()));
    let _reset = Effect::new(own!(source, copy => move || if copy.get() > 0 { source.set(0) }));
    for value in [1, 2, 3] {
        source.set(value);
        assert_eq!(source.get(), 0);
    }
}

#[test]
fn an_effect_that_writes_before_it_reads_runs_once() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, runs => move || {
        runs.add();
        source.set(1);
        source.get();
    }));
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_write_that_is_undone_before_the_reader_runs_wakes_it_for_nothing() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let _writer = Effect::new(own!(a, b => move || {
        a.get();
        batch(|| {
            b.set(5);
            b.set(0);
        });
    }));
    let seen = Log::new();
    let _reader = Effect::new(own!(b, seen => move || seen.add(b.get())));
    a.set(1);
    assert_eq!(seen.take(), [0]);
}

#[test]
fn an_earlier_effect_runs_again_for_what_a_later_one_writes() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let log = Log::new();
    let _reader = Effect::new(own!(b, log => move || log.add(("reads b", b.get()))));
    let _writer = Effect::new(own!(a, b => move || b.set(a.get())));
    let _last = Effect::new(own!(a, log => move || log.add(("reads a", a.get()))));
    log.take();
    a.set(1);
    assert_eq!(log.take(), [("reads b", 1), ("reads a", 1)]);
}

#[test]
fn a_computed_that_writes_is_an_error_that_names_both() {
    let line = line!() + 1;
    let written = Signal::new(0);
    let computed = Computed::new(own!(written => move || written.set(1)));
    let text = panic_of(|| computed.get());
    let (signal, writer) = (format!("{}:{line}:", file!()), format!("{}:{}:", file!(), line + 1));
    assert!(text.contains(&format!("the computed made at {writer}")), "{text}");
    assert!(text.contains(&format!("the signal made at {signal}")), "{text}");
    assert_eq!(written.get(), 0);
}

#[test]
fn a_computed_may_write_in_no_disguise() {
    let (source, written) = (Signal::new(0), Signal::new(0));
    let batched = Computed::new(own!(written => move || batch(|| written.set(1))));
    let untracked = Computed::new(own!(written => move || untrack(|| written.set(1))));
    let updated = Computed::new(own!(written => move || written.update(|value| *value += 1)));
    let by_an_effect = Computed::new(own!(written => move || {
        let _effect = Effect::new(own!(written => move || written.set(1)));
    }));
    for computed in [batched, untracked, updated, by_an_effect] {
        let text = panic_of(|| computed.get());
        assert!(text.contains("a computed only reads"), "{text}");
    }
    assert_eq!(written.get(), 0);
    // The ban ends with the computed.
    source.set(1);
    written.set(2);
    assert_eq!(written.get(), 2);
}

#[test]
fn update_changes_a_copy_and_does_not_track() {
    let (source, trigger) = (Signal::new(vec![1]), Signal::new(0));
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, trigger, runs => move || {
        runs.add();
        let value = trigger.get();
        source.update(|items| items.push(value));
    }));
    trigger.set(1);
    assert_eq!(source.get(), [1, 0, 1]);
    assert_eq!(runs.take(), 2);
}

#[test]
fn a_panic_in_an_update_changes_nothing() {
    let source = Signal::new(1);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    panic_of(|| {
        source.update(|value| {
            *value = 2;
            panic!("halfway");
        });
    });
    assert_eq!(source.get(), 1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn reads_and_writes_of_the_same_signal_inside_its_own_closures_work() {
    let source = Signal::new(1);
    source.update(|value| *value += source.get());
    assert_eq!(source.get(), 2);
    source.with(|value| source.set(value + 1));
    assert_eq!(source.get(), 3);
}
