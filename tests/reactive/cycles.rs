//! What goes round in circles ends in an error that names it.

use std::sync::{Arc, Mutex, OnceLock};

use mizu_sync::{Computed, Effect, Signal};

use crate::log::{Counter, Log, own, panic_of};

#[test]
fn a_computed_that_reads_itself_is_an_error_that_names_it() {
    let own_handle: Arc<OnceLock<Computed<i32>>> = Arc::default();
    let line = line!() + 1;
    let computed = Computed::new(own!(own_handle => move || own_handle.get().unwrap().get() + 1));
    own_handle.set(computed.clone()).unwrap();
    let text = panic_of(|| computed.get());
    assert!(text.contains(&format!("the computed made at {}:{line}:", file!())), "{text}");
    assert!(text.contains("reads itself"), "{text}");
}

#[test]
fn computeds_that_read_each_other_are_an_error_that_names_all() {
    let third: Arc<OnceLock<Computed<i32>>> = Arc::default();
    let line = line!() + 1;
    let first = Computed::new(own!(third => move || third.get().unwrap().get()));
    let second = Computed::new(own!(first => move || first.get()));
    third.set(Computed::new(own!(second => move || second.get()))).unwrap();
    let text = panic_of(|| second.get());
    for line in [line, line + 1, line + 2] {
        assert!(text.contains(&format!("{}:{line}:", file!())), "{text}");
    }
}

#[test]
fn a_circle_that_appears_later_is_an_error_and_goes_away_again() {
    let is_circle = Signal::new(false);
    let back: Arc<OnceLock<Computed<i32>>> = Arc::default();
    let first = Computed::new(own!(is_circle, back => move || {
        if is_circle.get() { back.get().unwrap().get() } else { 1 }
    }));
    let second = Computed::new(own!(first => move || first.get() + 1));
    back.set(second.clone()).unwrap();
    assert_eq!(second.get(), 2);
    is_circle.set(true);
    assert!(panic_of(|| second.get()).contains("in a circle"));
    assert!(panic_of(|| first.get()).contains("in a circle"));
    is_circle.set(false);
    assert_eq!((second.get(), first.get()), (2, 1));
}

#[test]
fn a_computed_may_catch_its_own_circle_and_recover() {
    let source = Signal::new(0);
    let own_handle: Arc<OnceLock<Computed<i32>>> = Arc::default();
    let computed = Computed::new(own!(source, own_handle => move || {
        if source.get() == 0 {
            panic_of(|| own_handle.get().unwrap().get());
            return -1;
        }
        source.get()
    }));
    own_handle.set(computed.clone()).unwrap();
    assert_eq!(computed.get(), -1);
    source.set(1);
    assert_eq!(computed.get(), 1);
}

#[test]
fn a_circle_is_found_inside_an_effect_too() {
    let own_handle: Arc<OnceLock<Computed<i32>>> = Arc::default();
    let computed = Computed::new(own!(own_handle => move || own_handle.get().unwrap().get()));
    own_handle.set(computed.clone()).unwrap();
    let text = panic_of(|| {
        let _effect = Effect::new(own!(computed => move || { computed.get(); }));
    });
    assert!(text.contains("reads itself"), "{text}");
}

#[test]
fn an_effect_that_makes_itself_due_without_end_is_an_error_that_names_it() {
    let trigger = Signal::new(false);
    let line = line!() + 1;
    let source = Signal::new(0_u64);
    let _effect = Effect::new(own!(trigger, source => move || {
        if trigger.get() {
            source.set(source.get() + 1);
        }
    }));
    let runs = Counter::new();
    let _other = Effect::new(own!(trigger, runs => move || {
        trigger.get();
        runs.add();
    }));
    runs.take();
    let text = panic_of(|| trigger.set(true));
    assert!(text.contains("without end"), "{text}");
    assert!(text.contains(&format!("the signals made at {}:{line}:", file!())), "{text}");
    assert!(text.contains(&format!("those made at {}:{}:", file!(), line + 1)), "{text}");
    assert!(source.get() <= 200);
    // The other one ran in the same update.
    assert_eq!(runs.take(), 1);
}

#[test]
fn effects_that_make_each_other_due_without_end_are_all_named() {
    let (a, b, c) = (Signal::new(0_u64), Signal::new(0_u64), Signal::new(0_u64));
    let is_on = Signal::new(false);
    let copy = Computed::new(own!(c => move || c.get()));
    let line = line!() + 1;
    let _first = Effect::new(own!(a, b => move || b.set(a.get())));
    let _second = Effect::new(own!(b, c => move || c.set(b.get())));
    let _third = Effect::new(own!(a, copy, is_on => move || if is_on.get() { a.set(copy.get() + 1) }));
    let text = panic_of(|| is_on.set(true));
    for line in line..line + 3 {
        assert!(text.contains(&format!("{}:{line}:", file!())), "{text}");
    }
    assert!(a.get() <= 200);
}

#[test]
fn after_an_endless_circle_all_effects_still_work() {
    let (trigger, source, other) = (Signal::new(false), Signal::new(0_u64), Signal::new(0));
    let copy = Computed::new(own!(source => move || source.get()));
    let seen = Log::new();
    let _circle = Effect::new(own!(trigger, source, copy, seen => move || {
        if trigger.get() {
            source.set(copy.get() + 1);
        }
        seen.add(copy.get());
    }));
    let others = Log::new();
    let _other = Effect::new(own!(other, copy, others => move || others.add((other.get(), copy.get() > 0))));
    panic_of(|| trigger.set(true));
    seen.take();
    others.take();
    // The one that went round is woken by the next change, and can come to rest.
    trigger.set(false);
    assert_eq!(seen.take().len(), 1);
    other.set(1);
    assert_eq!(others.take(), [(1, true)]);
    source.set(5);
    assert_eq!(seen.take(), [5]);
}

#[test]
fn an_effect_that_goes_round_from_its_first_run_is_an_error() {
    let source = Signal::new(0_u64);
    let text = panic_of(|| {
        let _effect = Effect::new(own!(source => move || source.set(source.get() + 1)));
    });
    assert!(text.contains("without end"), "{text}");
    assert!(source.get() <= 200);
}

#[test]
fn effects_that_come_to_rest_after_some_rounds_are_no_circle() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let _first = Effect::new(own!(a, b => move || b.set(a.get())));
    let _second = Effect::new(own!(a, b => move || {
        let value = b.get();
        if value < 50 {
            a.set(value + 1);
        }
    }));
    assert_eq!((a.get(), b.get()), (50, 50));
}

#[test]
fn a_chain_of_effects_longer_than_the_limit_is_no_circle() {
    let signals: Vec<_> = (0..500).map(|_| Signal::new(0)).collect();
    // Made in the opposite order, so that each wakes one that stands before it.
    let effects: Mutex<Vec<Effect>> = Mutex::default();
    for pair in signals.windows(2).rev() {
        let (from, to) = (pair[0].clone(), pair[1].clone());
        effects.lock().unwrap().push(Effect::new(move || to.set(from.get())));
    }
    signals[0].set(1);
    assert_eq!(signals[499].get(), 1);
}
