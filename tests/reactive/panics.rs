//! A panic in a closure of the app leaves the graph whole.

use mizu_sync::reactive::on_cleanup;
use mizu_sync::{Computed, Effect, Signal, batch};

use crate::log::{Counter, Log, own, panic_of};

#[test]
fn a_computed_that_panicked_is_run_again_and_recovers() {
    let source = Signal::new(0);
    let inverse = Computed::new(own!(source => move || 12 / source.get()));
    let above = Computed::new(own!(inverse => move || inverse.get() + 1));
    assert!(panic_of(|| above.get()).contains("divide by zero"));
    assert!(panic_of(|| above.get()).contains("divide by zero"));
    source.set(3);
    assert_eq!((above.get(), inverse.get()), (5, 4));
    source.set(0);
    assert!(panic_of(|| inverse.get()).contains("divide by zero"));
    source.set(4);
    assert_eq!(above.get(), 4);
}

#[test]
fn a_computed_that_panics_once_by_chance_is_run_again_when_read() {
    let runs = Counter::new();
    let source = Signal::new(1);
    let moody = Computed::new({
        let first = std::sync::atomic::AtomicBool::new(true);
        own!(source, runs => move || {
            runs.add();
            assert!(!first.swap(false, std::sync::atomic::Ordering::SeqCst), "not yet");
            source.get()
        })
    });
    panic_of(|| moody.get());
    assert_eq!(moody.get(), 1);
    assert_eq!(moody.get(), 1);
    assert_eq!(runs.take(), 2);
}

#[test]
fn other_branches_are_untouched_by_a_panic() {
    let (a, b) = (Signal::new(0), Signal::new(10));
    let bad = Computed::new(own!(a => move || assert!(a.get() == 0)));
    let runs = Counter::new();
    let good = Computed::new(own!(b, runs => move || {
        runs.add();
        b.get() * 2
    }));
    assert_eq!(good.get(), 20);
    a.set(1);
    panic_of(|| bad.get());
    b.set(20);
    assert_eq!(good.get(), 40);
    assert_eq!(runs.take(), 2);
}

#[test]
fn what_runs_around_a_panic_tracks_on() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let bad = Computed::new(own!(a => move || assert!(a.get() != 0)));
    let runs = Counter::new();
    let _effect = Effect::new(own!(bad, b, runs => move || {
        runs.add();
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bad.get()));
        b.get();
    }));
    b.set(1);
    assert_eq!(runs.take(), 2);
    // It hears that the computed has a value now.
    a.set(1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn an_effect_hears_when_a_computed_fails_and_when_it_recovers_with_the_same_value() {
    let source = Signal::new(1);
    let checked = Computed::new(own!(source => move || {
        assert!(source.get() >= 0);
        "fine"
    }));
    let seen = Log::new();
    let _effect = Effect::new(own!(checked, seen => move || {
        let value = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| checked.get()));
        seen.add(value.is_ok());
    }));
    source.set(2);
    source.set(-1);
    source.set(3);
    assert_eq!(seen.take(), [true, false, true]);
}

#[test]
fn the_other_effects_run_and_the_first_panic_is_passed_on() {
    let source = Signal::new(0);
    let ran = Log::new();
    let make = |name: &'static str, fails: bool| {
        Effect::new(own!(source, ran => move || {
            let value = source.get();
            ran.add(name);
            assert!(!(fails && value == 1), "{name} fails");
        }))
    };
    let _effects = [make("a", false), make("b", true), make("c", true), make("d", false)];
    ran.take();
    assert_eq!(panic_of(|| source.set(1)), "b fails");
    assert_eq!(ran.take(), ["a", "b", "c", "d"]);
    source.set(2);
    assert_eq!(ran.take(), ["a", "b", "c", "d"]);
}

#[test]
fn an_effect_that_panicked_runs_again_with_the_next_change_even_if_its_computed_stays_equal() {
    let source = Signal::new(1);
    let is_positive = Computed::new(own!(source => move || source.get() > 0));
    let fails = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let runs = Counter::new();
    let _effect = Effect::new(own!(is_positive, fails, runs => move || {
        is_positive.get();
        runs.add();
        assert!(!fails.load(std::sync::atomic::Ordering::SeqCst));
    }));
    fails.store(true, std::sync::atomic::Ordering::SeqCst);
    panic_of(|| source.set(-1));
    fails.store(false, std::sync::atomic::Ordering::SeqCst);
    runs.take();
    source.set(-2);
    assert_eq!(runs.take(), 1);
    source.set(-3);
    assert_eq!(runs.take(), 0);
}

#[test]
fn an_effect_that_panics_at_creation_is_stopped() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let text = panic_of(|| {
        Effect::new(own!(source, runs => move || {
            source.get();
            runs.add();
            assert!(source.get() > 0, "at once");
        }))
    });
    assert_eq!(text, "at once");
    source.set(1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn cleanups_run_whether_the_run_panicked_or_not() {
    let source = Signal::new(0);
    let log = Log::new();
    let effect = Effect::new(own!(source, log => move || {
        let value = source.get();
        on_cleanup(own!(log => move || log.add(value)));
        assert!(value != 1);
    }));
    panic_of(|| source.set(1));
    assert_eq!(log.take(), [0]);
    source.set(2);
    assert_eq!(log.take(), [1]);
    effect.stop();
    assert_eq!(log.take(), [2]);
}

#[test]
fn a_cleanup_that_panics_keeps_neither_the_others_nor_the_effect_from_running() {
    let source = Signal::new(0);
    let log = Log::new();
    let _effect = Effect::new(own!(source, log => move || {
        let value = source.get();
        log.add(format!("run {value}"));
        on_cleanup(own!(log => move || log.add("cleaned".to_owned())));
        on_cleanup(move || assert!(value > 0, "in a cleanup"));
    }));
    assert_eq!(panic_of(|| source.set(1)), "in a cleanup");
    assert_eq!(log.take(), ["run 0", "cleaned", "run 1"]);
}

#[test]
fn a_panic_in_the_middle_of_a_flush_leaves_nothing_behind() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let _bad = Effect::new(own!(a => move || assert!(a.get() != 1)));
    let runs = Counter::new();
    let _good = Effect::new(own!(a, runs => move || {
        a.get();
        runs.add();
    }));
    panic_of(|| a.set(1));
    runs.take();
    // An unrelated write wakes nobody and passes nothing on.
    b.set(1);
    assert_eq!(runs.take(), 0);
    batch(|| a.set(2));
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_comparison_that_panics_leaves_the_signal_as_it_was() {
    let source = Signal::new_with_compare(1, |_, new| {
        assert!(*new != 2, "cannot compare");
        false
    });
    assert_eq!(panic_of(|| source.set(2)), "cannot compare");
    assert_eq!(source.get(), 1);
    source.set(3);
    assert_eq!(source.get(), 3);
}

#[test]
fn a_comparison_of_a_computed_that_panics_is_a_panic_of_the_computed() {
    let source = Signal::new(1);
    let computed = Computed::new_with_compare(own!(source => move || source.get()), |_, new| {
        assert!(*new != 2, "cannot compare");
        false
    });
    assert_eq!(computed.get(), 1);
    source.set(2);
    assert_eq!(panic_of(|| computed.get()), "cannot compare");
    source.set(3);
    assert_eq!(computed.get(), 3);
}

#[test]
fn a_panic_while_a_value_is_copied_or_lent_leaves_it_there() {
    #[derive(Debug, PartialEq)]
    struct Fragile(i32);
    impl Clone for Fragile {
        fn clone(&self) -> Self {
            panic!("cannot copy")
        }
    }
    let source = Signal::new(Fragile(1));
    assert_eq!(panic_of(|| source.get()), "cannot copy");
    assert_eq!(panic_of(|| source.update(|value| value.0 += 1)), "cannot copy");
    panic_of(|| source.with(|_| panic!("while lent")));
    assert_eq!(source.with(|value| value.0), 1);
}
