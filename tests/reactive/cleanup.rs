//! What an effect leaves behind is cleaned up.

use std::sync::{Arc, Mutex};

use mizu_sync::reactive::on_cleanup;
use mizu_sync::{Computed, Effect, Signal, batch, untrack};

use crate::log::{Counter, Log, own, panic_of};

#[test]
fn cleanups_run_before_the_next_run_and_at_the_end() {
    let source = Signal::new(0);
    let log = Log::new();
    let effect = Effect::new(own!(source, log => move || {
        let value = source.get();
        log.add(format!("run {value}"));
        on_cleanup(own!(log => move || log.add(format!("clean {value}"))));
    }));
    source.set(1);
    assert_eq!(log.take(), ["run 0", "clean 0", "run 1"]);
    effect.stop();
    assert_eq!(log.take(), ["clean 1"]);
    effect.stop();
    assert_eq!(log.take(), [] as [&str; 0]);
}

#[test]
fn the_cleanup_registered_last_runs_first() {
    let log = Log::new();
    let effect = Effect::new(own!(log => move || {
        for number in 1..=3 {
            on_cleanup(own!(log => move || log.add(number)));
        }
    }));
    drop(effect);
    assert_eq!(log.take(), [3, 2, 1]);
}

#[test]
fn a_cleanup_tracks_nothing() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let _effect = Effect::new(own!(a, b, runs => move || {
        a.get();
        runs.add();
        on_cleanup(own!(b => move || { b.get(); }));
    }));
    a.set(1);
    b.set(1);
    assert_eq!(runs.take(), 2);
}

#[test]
fn stopping_an_effect_inside_another_tracks_nothing_there() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let inner = Effect::new(own!(b => move || on_cleanup(own!(b => move || { b.get(); }))));
    let inner = Arc::new(Mutex::new(Some(inner)));
    let runs = Counter::new();
    let _outer = Effect::new(own!(a, runs => move || {
        runs.add();
        if a.get() == 1 {
            inner.lock().unwrap().take();
        }
    }));
    a.set(1);
    b.set(1);
    assert_eq!(runs.take(), 2);
}

#[test]
fn a_cleanup_may_write_what_others_read() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let _first = Effect::new(own!(a, b => move || {
        a.get();
        on_cleanup(own!(a, b => move || b.set(a.get())));
    }));
    let seen = Log::new();
    let _second = Effect::new(own!(b, seen => move || seen.add(b.get())));
    a.set(1);
    assert_eq!(seen.take(), [0, 1]);
}

#[test]
fn a_cleanup_that_writes_what_its_effect_reads_does_not_make_it_run_twice() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || {
        seen.add(source.get());
        on_cleanup(own!(source => move || source.set(100)));
    }));
    source.set(1);
    assert_eq!(seen.take(), [0, 100]);
}

#[test]
fn a_cleanup_that_stops_its_effect_keeps_it_from_running() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let own_handle: Arc<Mutex<Option<Effect>>> = Arc::default();
    let effect = Effect::new(own!(source, runs, own_handle => move || {
        source.get();
        runs.add();
        on_cleanup(own!(own_handle => move || own_handle.lock().unwrap().as_ref().unwrap().stop()));
    }));
    *own_handle.lock().unwrap() = Some(effect);
    source.set(1);
    source.set(2);
    assert_eq!(runs.take(), 1);
}

#[test]
fn an_effect_stopped_in_mid_run_is_cleaned_up_after_the_run() {
    let log = Log::new();
    let source = Signal::new(0);
    let own_handle: Arc<Mutex<Option<Effect>>> = Arc::default();
    let effect = Effect::new(own!(source, log, own_handle => move || {
        let value = source.get();
        on_cleanup(own!(log => move || log.add(format!("clean {value}"))));
        if value == 1 {
            own_handle.lock().unwrap().take();
            on_cleanup(own!(log => move || log.add("registered after the stop".to_owned())));
        }
        log.add(format!("end {value}"));
    }));
    *own_handle.lock().unwrap() = Some(effect);
    source.set(1);
    assert_eq!(log.take(), ["end 0", "clean 0", "end 1", "registered after the stop", "clean 1"]);
}

#[test]
fn an_effect_made_in_a_cleanup_belongs_to_nobody() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let outer = Effect::new(own!(a, b, seen => move || {
        a.get();
        on_cleanup(own!(b, seen => move || {
            Effect::new(own!(b, seen => move || seen.add(b.get()))).detach();
        }));
    }));
    a.set(1);
    b.set(1);
    assert_eq!(seen.take(), [0, 1]);
    drop(outer);
    seen.take();
    b.set(2);
    assert_eq!(seen.take(), [2, 2]);
}

#[test]
fn a_cleanup_outside_of_an_effect_is_an_error() {
    let text = panic_of(|| on_cleanup(|| {}));
    assert!(text.contains("on_cleanup was called outside of an effect"), "{text}");
    let computed = Computed::new(|| on_cleanup(|| {}));
    let text = panic_of(|| {
        let _effect = Effect::new(move || computed.get());
    });
    assert!(text.contains("on_cleanup was called outside of an effect"), "{text}");
}

#[test]
fn a_cleanup_may_be_registered_where_nothing_is_tracked_and_in_a_batch() {
    let log = Log::new();
    let effect = Effect::new(own!(log => move || {
        untrack(|| on_cleanup(own!(log => move || log.add("untracked"))));
        batch(|| on_cleanup(own!(log => move || log.add("batch"))));
    }));
    effect.stop();
    assert_eq!(log.take(), ["batch", "untracked"]);
}
