//! Values and closures of the app whose drop uses the graph.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use mizu_sync::{Computed, Effect, Signal, batch};

use crate::log::{Counter, Log, own, panic_of};

/// Does something when it is dropped.
#[derive(Clone)]
struct OnDrop(#[allow(dead_code, reason = "it is dropped")] Arc<Dropper>);

struct Dropper(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl OnDrop {
    fn new(work: impl FnOnce() + Send + 'static) -> Self {
        Self(Arc::new(Dropper(Mutex::new(Some(Box::new(work))))))
    }
}

impl Drop for Dropper {
    fn drop(&mut self) {
        let work = self.0.lock().unwrap().take();
        work.unwrap()();
    }
}

fn never<T>(_: &T, _: &T) -> bool {
    false
}

#[test]
fn a_value_that_sets_a_signal_when_it_is_replaced_wakes_its_observers() {
    let count = Signal::new(0);
    let seen = Log::new();
    let _effect = Effect::new(own!(count, seen => move || seen.add(count.get())));
    let make = own!(count => move || OnDrop::new(own!(count => move || count.update(|count| *count += 1))));
    let value = Signal::new_with_compare(make(), never);
    value.set(make());
    batch(|| value.set(make()));
    assert_eq!(seen.take(), [0, 1, 2]);
    drop(value);
    assert_eq!(seen.take(), [3]);
}

#[test]
fn a_value_that_reads_and_drops_nodes_when_it_goes_is_fine() {
    let other = Signal::new(1);
    let seen = Log::new();
    let doomed = Computed::new(own!(other => move || other.get() * 2));
    let value = Signal::new_with_compare(
        OnDrop::new(own!(seen => move || {
            seen.add(doomed.get());
            drop(doomed);
        })),
        never,
    );
    value.set(OnDrop::new(|| {}));
    assert_eq!(seen.take(), [2]);
}

#[test]
fn what_a_drop_reads_is_nobodys_dependency() {
    let (source, other) = (Signal::new(0), Signal::new(0));
    let held = Signal::new_with_compare(OnDrop::new(|| {}), never);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, other, held, runs => move || {
        source.get();
        runs.add();
        // The value before is dropped in here.
        held.set(OnDrop::new(own!(other => move || { other.get(); })));
    }));
    source.set(1);
    runs.take();
    other.set(1);
    assert_eq!(runs.take(), 0);
}

#[test]
fn the_last_share_of_a_value_is_dropped_by_its_reader_as_nobodys_dependency() {
    let (source, other) = (Signal::new(0), Signal::new(0));
    let held = Signal::new_with_compare(OnDrop::new(own!(other => move || { other.get(); })), never);
    let replaced = AtomicBool::new(false);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, held, runs => move || {
        source.get();
        runs.add();
        let is_first = !replaced.swap(true, Ordering::SeqCst);
        held.with(|_| {
            if is_first {
                let held = held.clone();
                std::thread::spawn(move || held.set(OnDrop::new(|| {}))).join().unwrap();
            }
        });
    }));
    // It was overtaken once.
    assert_eq!(runs.take(), 2);
    other.set(1);
    assert_eq!(runs.take(), 0);
}

#[test]
fn a_value_of_a_computed_that_sets_a_signal_when_it_goes_does_so_after_the_computed() {
    let (source, ended) = (Signal::new(0), Signal::new(0));
    let made = Computed::new_with_compare(
        own!(source, ended => move || {
            source.get();
            OnDrop::new(own!(ended => move || ended.update(|ended| *ended += 1)))
        }),
        never,
    );
    let above = Computed::new(own!(made => move || made.with(|_| ())));
    above.get();
    source.set(1);
    above.get();
    assert_eq!(ended.get(), 1);
    drop((made, above));
    assert_eq!(ended.get(), 2);
}

#[test]
fn closures_that_use_the_graph_when_they_are_dropped_are_fine() {
    let ended = Signal::new(0);
    let guard = || OnDrop::new(own!(ended => move || ended.update(|ended| *ended += 1)));
    let (in_effect, in_computed) = (guard(), guard());
    let effect = Effect::new(move || {
        let _ = &in_effect;
    });
    let computed = Computed::new(move || {
        let _ = &in_computed;
    });
    computed.get();
    effect.stop();
    assert_eq!(ended.get(), 1);
    drop(computed);
    assert_eq!(ended.get(), 2);
}

#[test]
fn a_drop_that_panics_takes_nothing_with_it() {
    let value = Signal::new_with_compare(OnDrop::new(|| panic!("in a drop")), never);
    let seen = Log::new();
    let _effect = Effect::new(own!(value, seen => move || {
        value.with(|_| ());
        seen.add("ran");
    }));
    value.set(OnDrop::new(|| {}));
    assert_eq!(seen.take(), ["ran", "ran"]);
}

#[test]
fn a_stopped_effect_lets_go_of_its_closure() {
    let held = Arc::new(());
    let effect = Effect::new(own!(held => move || {
        let _ = &held;
    }));
    assert_eq!(Arc::strong_count(&held), 2);
    effect.stop();
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn values_of_the_app_may_use_the_graph_when_a_thread_ends() {
    use std::cell::RefCell;
    thread_local! {
        static HELD: RefCell<Option<OnDrop>> = const { RefCell::new(None) };
    }
    let count = Signal::new(0);
    std::thread::spawn(own!(count => move || {
        HELD.with(|held| {
            *held.borrow_mut() = Some(OnDrop::new(own!(count => move || count.set(count.get() + 1))));
        });
        // The graph's own variables are made after it, and so go before it.
        count.get();
    }))
    .join()
    .unwrap();
    assert_eq!(count.get(), 1);
}

#[test]
fn a_drop_that_writes_while_a_computed_panics_does_not_end_the_process() {
    let count = Signal::new(0);
    let computed = Computed::new(own!(count => move || {
        let _guard = OnDrop::new(own!(count => move || count.set(1)));
        panic!("the first panic")
    }));
    assert_eq!(panic_of(|| computed.with(|&()| ())), "the first panic");
    assert_eq!(count.get(), 0);
}
