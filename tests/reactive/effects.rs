//! When effects run, and when they do no more.

use std::sync::{Arc, Mutex};

use mizu_sync::{Computed, Effect, Signal, batch};

use crate::log::{Counter, Log, own};

#[test]
fn an_effect_runs_at_creation_and_after_each_change() {
    let source = Signal::new("a");
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
    assert_eq!(seen.take(), ["a"]);
    source.set("b");
    source.set("c");
    assert_eq!(seen.take(), ["b", "c"]);
}

#[test]
fn effects_run_in_the_order_in_which_they_were_made() {
    let (source, other) = (Signal::new(0), Signal::new(0));
    let order = Log::new();
    let make = |name, signals: Vec<Signal<i32>>| {
        Effect::new(own!(order => move || {
            signals.iter().for_each(|signal| { signal.get(); });
            order.add(name);
        }))
    };
    // Whatever the order in which they came to the signal, and how long ago they ran.
    let _effects = [
        make("1", vec![other.clone(), source.clone()]),
        make("2", vec![source.clone()]),
        make("3", vec![source.clone(), other.clone()]),
    ];
    other.set(1);
    order.take();
    source.set(1);
    assert_eq!(order.take(), ["1", "2", "3"]);
    source.set(2);
    assert_eq!(order.take(), ["1", "2", "3"]);
}

#[test]
fn an_effect_stops_when_its_handle_is_dropped() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    drop(effect);
    source.set(1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_stopped_effect_stays_stopped() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    effect.stop();
    effect.stop();
    source.set(1);
    source.set(2);
    drop(effect);
    source.set(3);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_detached_effect_runs_without_a_handle() {
    let source = Signal::new(0);
    let runs = Counter::new();
    Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }))
    .detach();
    source.set(1);
    assert_eq!(runs.take(), 2);
}

#[test]
fn an_effect_may_stop_itself_in_mid_run() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let own_handle: Arc<Mutex<Option<Effect>>> = Arc::default();
    let effect = Effect::new(own!(a, b, runs, own_handle => move || {
        runs.add();
        if a.get() == 1 {
            own_handle.lock().unwrap().as_ref().unwrap().stop();
        }
        b.get();
    }));
    *own_handle.lock().unwrap() = Some(effect);
    a.set(1);
    assert_eq!(runs.take(), 2);
    a.set(2);
    b.set(1);
    assert_eq!(runs.take(), 0);
}

#[test]
fn an_effect_stopped_by_an_earlier_one_in_the_same_update_does_not_run() {
    let source = Signal::new(0);
    let later: Arc<Mutex<Option<Effect>>> = Arc::default();
    let _stopper = Effect::new(own!(source, later => move || {
        if source.get() == 1 {
            later.lock().unwrap().take();
        }
    }));
    let runs = Counter::new();
    let effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    *later.lock().unwrap() = Some(effect);
    runs.take();
    source.set(1);
    source.set(2);
    assert_eq!(runs.take(), 0);
}

#[test]
fn an_effect_stopped_in_a_batch_does_not_run_at_its_end() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    batch(|| {
        source.set(1);
        effect.stop();
        source.set(2);
    });
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_computed_may_stop_the_effect_that_reads_it() {
    let source = Signal::new(0);
    let first: Arc<Mutex<Option<Effect>>> = Arc::default();
    let copy = Computed::new(own!(source, first => move || {
        if source.get() == 1 {
            first.lock().unwrap().take();
        }
        source.get()
    }));
    let runs = Counter::new();
    let effect = Effect::new(own!(copy, runs => move || {
        copy.get();
        runs.add();
    }));
    *first.lock().unwrap() = Some(effect);
    let seen = Log::new();
    let _second = Effect::new(own!(copy, seen => move || seen.add(copy.get())));
    runs.take();
    source.set(1);
    source.set(2);
    assert_eq!(runs.take(), 0);
    assert_eq!(seen.take(), [0, 1, 2]);
}

#[test]
fn a_new_effect_after_a_stopped_one_works() {
    let source = Signal::new(0);
    Effect::new(own!(source => move || { source.get(); })).stop();
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
    source.set(1);
    assert_eq!(seen.take(), [0, 1]);
}

#[test]
fn an_effect_keeps_what_it_reads_alive() {
    let source = Signal::new(1);
    let seen = Log::new();
    let _effect = {
        let double = Computed::new(own!(source => move || source.get() * 2));
        let triple = Computed::new(own!(source => move || source.get() * 3));
        Effect::new(own!(seen => {
            let handles = Mutex::new(Some((double, triple)));
            let kept: Arc<Mutex<Option<Computed<i32>>>> = Arc::default();
            move || {
                // After the first run only the graph knows `triple`, and of `double` a handle is left.
                let first = handles.lock().unwrap().take();
                if let Some((double, triple)) = first {
                    seen.add(double.get() + triple.get());
                    *kept.lock().unwrap() = Some(double);
                } else {
                    seen.add(kept.lock().unwrap().as_ref().unwrap().get());
                }
            }
        }))
    };
    source.set(2);
    source.set(3);
    assert_eq!(seen.take(), [5, 4, 6]);
}

#[test]
fn a_computed_made_and_dropped_inside_an_effect_still_wakes_it() {
    let source = Signal::new(1);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || {
        let double = Computed::new(own!(source => move || source.get() * 2));
        seen.add(double.get());
    }));
    source.set(2);
    assert_eq!(seen.take(), [2, 4]);
}

#[test]
fn an_effect_that_reads_nothing_runs_once() {
    let runs = Counter::new();
    let _effect = Effect::new(own!(runs => move || runs.add()));
    Signal::new(0).set(1);
    assert_eq!(runs.take(), 1);
}
