//! Effects made inside of effects.

use std::sync::{Arc, Mutex};

use mizu_sync::reactive::on_cleanup;
use mizu_sync::{Computed, Effect, Signal, untrack};

use crate::log::{Counter, Log, own};

#[test]
fn an_inner_effect_runs_at_once_and_on_its_own() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let log = Log::new();
    let _outer = Effect::new(own!(a, b, log => move || {
        log.add(("outer", a.get()));
        Effect::new(own!(b, log => move || log.add(("inner", b.get())))).detach();
    }));
    assert_eq!(log.take(), [("outer", 0), ("inner", 0)]);
    b.set(1);
    assert_eq!(log.take(), [("inner", 1)]);
}

#[test]
fn inner_effects_end_with_the_next_run_of_the_outer_one() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let _outer = Effect::new(own!(a, b, runs => move || {
        a.get();
        for _ in 0..2 {
            Effect::new(own!(b, runs => move || {
                b.get();
                runs.add();
            }))
            .detach();
        }
    }));
    a.set(1);
    a.set(2);
    runs.take();
    b.set(1);
    assert_eq!(runs.take(), 2);
}

#[test]
fn an_inner_effect_ends_with_the_outer_ones_run_even_if_its_handle_is_kept() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let kept: Arc<Mutex<Vec<Effect>>> = Arc::default();
    let seen = Log::new();
    let _outer = Effect::new(own!(a, b, kept, seen => move || {
        let round = a.get();
        let inner = Effect::new(own!(b, seen => move || seen.add((round, b.get()))));
        kept.lock().unwrap().push(inner);
    }));
    a.set(1);
    seen.take();
    b.set(1);
    assert_eq!(seen.take(), [(1, 1)]);
    assert_eq!(kept.lock().unwrap().len(), 2);
}

#[test]
fn an_inner_effect_whose_handle_is_dropped_ends_then() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let _outer = Effect::new(own!(a, b, runs => move || {
        a.get();
        let _inner = Effect::new(own!(b, runs => move || {
            b.get();
            runs.add();
        }));
    }));
    runs.take();
    b.set(1);
    assert_eq!(runs.take(), 0);
}

#[test]
fn stopping_the_outermost_of_three_stops_all() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let outer = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
        Effect::new(own!(source, runs => move || {
            source.get();
            runs.add();
            Effect::new(own!(source, runs => move || {
                source.get();
                runs.add();
            })).detach();
        })).detach();
    }));
    assert_eq!(runs.take(), 3);
    outer.stop();
    source.set(1);
    assert_eq!(runs.take(), 0);
}

#[test]
fn an_inner_effect_never_runs_with_an_outer_one_that_is_due_too() {
    // The inner one indexes what the outer one looks for: were it to run first, it would panic.
    let items = Signal::new(Some(1));
    let seen = Log::new();
    let _outer = Effect::new(own!(items, seen => move || {
        if items.get().is_some() {
            Effect::new(own!(items, seen => move || seen.add(items.get().unwrap()))).detach();
        }
    }));
    items.set(Some(2));
    items.set(None);
    assert_eq!(seen.take(), [1, 2]);
}

#[test]
fn cleanups_and_inner_effects_end_in_the_opposite_order_of_their_beginning() {
    let source = Signal::new(0);
    let log = Log::new();
    let says = |text: &'static str| own!(log => move || log.add(text));
    let (first, inner_last, inner_first, last) =
        (says("first"), says("inner, last"), says("inner, first"), says("last"));
    let outer = Effect::new(own!(source => move || {
        source.get();
        on_cleanup(first.clone());
        let (inner_first, inner_last) = (inner_first.clone(), inner_last.clone());
        Effect::new(move || {
            on_cleanup(inner_last.clone());
            on_cleanup(inner_first.clone());
        })
        .detach();
        on_cleanup(last.clone());
    }));
    let order = ["last", "inner, first", "inner, last", "first"];
    source.set(1);
    assert_eq!(log.take(), order);
    outer.stop();
    assert_eq!(log.take(), order);
}

#[test]
fn the_outer_effect_does_not_read_what_the_inner_one_reads() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let _outer = Effect::new(own!(source, runs => move || {
        runs.add();
        Effect::new(own!(source => move || { source.get(); })).detach();
    }));
    source.set(1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn the_outer_effect_tracks_on_after_an_inner_one_was_made() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let _outer = Effect::new(own!(source, runs => move || {
        runs.add();
        Effect::new(|| {}).detach();
        source.get();
    }));
    source.set(1);
    assert_eq!(runs.take(), 2);
}

#[test]
fn an_inner_effect_made_where_nothing_is_tracked_is_owned_all_the_same() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let _outer = Effect::new(own!(a, b, runs => move || {
        a.get();
        untrack(|| {
            Effect::new(own!(b, runs => move || {
                b.get();
                runs.add();
            }))
            .detach();
        });
    }));
    a.set(1);
    runs.take();
    b.set(1);
    assert_eq!(runs.take(), 1);
}

#[test]
fn an_inner_effect_is_not_woken_by_a_computed_that_stays_equal() {
    let source = Signal::new(0);
    let is_odd = Computed::new(own!(source => move || source.get() % 2 == 1));
    let runs = Counter::new();
    let _outer = Effect::new(own!(runs => move || {
        Effect::new(own!(is_odd, runs => move || {
            is_odd.get();
            runs.add();
        }))
        .detach();
    }));
    source.set(2);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_signal_made_and_written_inside_does_not_wake_the_outer_effect() {
    let source = Signal::new(0);
    let (runs, inner) = (Counter::new(), Log::new());
    let _outer = Effect::new(own!(source, runs, inner => move || {
        source.get();
        runs.add();
        let child = Signal::new(0);
        Effect::new(own!(child, inner => move || inner.add(child.get()))).detach();
        child.set(1);
    }));
    assert_eq!((runs.take(), inner.take()), (1, vec![0, 1]));
    source.set(1);
    assert_eq!((runs.take(), inner.take()), (1, vec![0, 1]));
}

#[test]
fn an_effect_made_in_a_computed_belongs_to_its_handle_alone() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let computed = Computed::new(own!(a, b, runs => move || {
        Effect::new(own!(b, runs => move || {
            b.get();
            runs.add();
        }))
        .detach();
        a.get()
    }));
    let _outer = Effect::new(own!(computed => move || { computed.get(); }));
    a.set(1);
    runs.take();
    b.set(1);
    assert_eq!(runs.take(), 2);
}
