//! Sources: data that lives elsewhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, mpsc};
use std::thread;

use crate::reactive::{
    Computed, Due, Effect, Origin, Signal, Source, WeakSource, batch, is_computing, is_tracking, untrack,
};

fn invalidate<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Due {
    static ORIGIN: LazyLock<Origin> = LazyLock::new(Origin::new);
    ORIGIN.invalidate(sources)
}

/// Data elsewhere, and what was done with it.
#[derive(Clone)]
pub(super) struct Table {
    pub source: Source,
    pub value: Arc<AtomicI64>,
}

impl Table {
    pub fn new(value: i64) -> Self {
        Self { source: Source::new(), value: Arc::new(AtomicI64::new(value)) }
    }

    pub fn read(&self) -> i64 {
        self.source.track();
        self.value.load(Ordering::SeqCst)
    }

    fn write(&self, value: i64) -> Due {
        self.value.store(value, Ordering::SeqCst);
        invalidate([&self.source])
    }

    pub fn computed(&self) -> Computed<i64> {
        let table = self.clone();
        Computed::new(move || table.read())
    }
}

pub(super) type Log<T> = Arc<Mutex<Vec<T>>>;

pub(super) fn take<T>(log: &Log<T>) -> Vec<T> {
    std::mem::take(&mut log.lock().unwrap())
}

/// An effect that notes what it reads.
pub(super) fn watch(read: impl Fn() -> i64 + Send + 'static) -> (Effect, Log<i64>) {
    let log: Log<i64> = Arc::default();
    let seen = Arc::clone(&log);
    (Effect::new(move || seen.lock().unwrap().push(read())), log)
}

#[test]
fn an_invalidation_runs_nothing_and_gives_the_effects_that_are_due() {
    let table = Table::new(1);
    let (_effect, seen) = watch({
        let table = table.clone();
        move || table.read()
    });
    let due = table.write(2);
    assert_eq!(take(&seen), [1]);
    assert!(!due.is_empty());
    let ran = due.run();
    assert_eq!((ran.runs, ran.panic), (1, None));
    assert_eq!(take(&seen), [2]);
}

#[test]
fn an_invalidation_of_what_nobody_reads_gives_nothing() {
    let table = Table::new(1);
    assert!(table.write(2).is_empty());
    let computed = table.computed();
    let _ = computed.get();
    assert!(table.write(3).is_empty());
    assert!(invalidate([]).is_empty());
}

#[test]
fn a_computed_reads_its_own_writes_before_the_effects_have_run() {
    let table = Table::new(1);
    let computed = table.computed();
    let (_effect, seen) = watch({
        let computed = computed.clone();
        move || computed.get()
    });
    let due = table.write(2);
    assert_eq!(computed.get(), 2);
    assert_eq!(thread::spawn(move || computed.get()).join().unwrap(), 2);
    assert_eq!(take(&seen), [1]);
    assert_eq!(due.run().runs, 1);
    assert_eq!(take(&seen), [2]);
}

#[test]
fn an_effect_does_not_run_when_its_computed_stays_equal() {
    let table = Table::new(1);
    let is_positive = {
        let table = table.clone();
        Computed::new(move || table.read() > 0)
    };
    let (_effect, seen) = watch(move || i64::from(is_positive.get()));
    assert_eq!(table.write(2).run().runs, 0);
    assert_eq!(take(&seen), [1]);
}

#[test]
fn due_effects_run_on_the_thread_that_runs_them_in_the_order_of_their_creation() {
    let (first, second) = (Table::new(0), Table::new(0));
    let log: Log<(usize, Option<String>)> = Arc::default();
    let effects: Vec<Effect> = (0..4)
        .map(|number| {
            let (log, table) = (Arc::clone(&log), if number % 2 == 0 { &first } else { &second }.clone());
            Effect::new(move || {
                table.read();
                log.lock().unwrap().push((number, thread::current().name().map(str::to_owned)));
            })
        })
        .collect();
    take(&log);
    let due = invalidate([&second.source, &first.source]);
    let dispatcher = thread::Builder::new().name("dispatcher".to_owned());
    let ran = dispatcher.spawn(move || due.run()).unwrap().join().unwrap();
    assert_eq!(ran.runs, 4);
    let there = Some("dispatcher".to_owned());
    assert_eq!(take(&log), (0..4).map(|number| (number, there.clone())).collect::<Vec<_>>());
    drop(effects);
}

#[test]
fn several_sources_are_invalidated_at_once() {
    let (a, b) = (Table::new(1), Table::new(1));
    let (_effect, seen) = watch({
        let (a, b) = (a.clone(), b.clone());
        move || a.read() + b.read()
    });
    a.value.store(2, Ordering::SeqCst);
    b.value.store(2, Ordering::SeqCst);
    assert_eq!(invalidate([&a.source, &b.source]).run().runs, 1);
    assert_eq!(take(&seen), [2, 4]);
}

#[test]
fn an_effect_that_ran_for_another_reason_is_not_run_again() {
    let (table, signal) = (Table::new(1), Signal::new(0));
    let computed = table.computed();
    let (_effect, seen) = watch({
        let signal = signal.clone();
        move || computed.get() + signal.get()
    });
    let due = table.write(2);
    signal.set(10);
    assert_eq!(take(&seen), [1, 12]);
    assert_eq!(due.run().runs, 0);
}

#[test]
fn an_effect_due_by_a_source_is_not_run_by_an_unrelated_write() {
    let (table, signal) = (Table::new(1), Signal::new(0));
    let (_effect, seen) = watch({
        let table = table.clone();
        move || table.read()
    });
    let (_other, others) = watch({
        let signal = signal.clone();
        move || signal.get()
    });
    let due = table.write(2);
    signal.set(1);
    batch(|| signal.set(2));
    assert_eq!(take(&seen), [1]);
    assert_eq!(take(&others), [0, 1, 2]);
    assert_eq!(due.run().runs, 1);
}

#[test]
fn an_effect_due_by_a_source_that_a_write_reaches_through_the_same_computed_runs_with_the_write() {
    // The mark of the source is on the computed already: that of the write must not stop there.
    let (table, signal) = (Table::new(1), Signal::new(0));
    let sum = {
        let (table, signal) = (table.clone(), signal.clone());
        Computed::new(move || table.read() + signal.get())
    };
    let (_effect, seen) = watch(move || sum.get());
    let due = table.write(2);
    signal.set(10);
    assert_eq!(take(&seen), [1, 12]);
    assert_eq!(due.run().runs, 0);
}

#[test]
fn a_second_invalidation_before_the_first_was_run_loses_nothing() {
    let table = Table::new(1);
    let computed = table.computed();
    let (_effect, seen) = watch(move || computed.get());
    let first = table.write(2);
    let second = table.write(3);
    assert_eq!(first.run().runs + second.run().runs, 1);
    assert_eq!(take(&seen), [1, 3]);
}

#[test]
fn a_stopped_effect_is_not_run() {
    let table = Table::new(1);
    let (effect, seen) = watch({
        let table = table.clone();
        move || table.read()
    });
    let due = table.write(2);
    effect.stop();
    assert_eq!(due.run().runs, 0);
    assert_eq!(take(&seen), [1]);
}

#[test]
fn an_effect_overtaken_between_tracking_and_reading_runs_again() {
    let table = Table::new(1);
    let log: Log<i64> = Arc::default();
    let (seen, read) = (Arc::clone(&log), table.clone());
    let mut is_first = true;
    let _effect = Effect::new(move || {
        read.source.track();
        let value = read.value.load(Ordering::SeqCst);
        if std::mem::take(&mut is_first) {
            let table = read.clone();
            // Nobody observes it yet, so nothing is due by it.
            assert!(thread::spawn(move || table.write(2).is_empty()).join().unwrap());
        }
        seen.lock().unwrap().push(value);
    });
    assert_eq!(take(&log), [1, 2]);
}

#[test]
fn a_computed_overtaken_between_tracking_and_reading_runs_again() {
    let table = Table::new(1);
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let read = table.clone();
    let computed = Computed::new(move || {
        read.source.track();
        let value = read.value.load(Ordering::SeqCst);
        if is_first.swap(false, Ordering::SeqCst) {
            let _ = read.write(2);
        }
        value
    });
    assert_eq!(computed.get(), 2);
}

#[test]
fn an_effect_that_runs_elsewhere_when_its_turn_comes_is_run_again_there() {
    let (table, signal) = (Table::new(1), Signal::new(0));
    let (reached, wait_reached) = mpsc::channel();
    let (go_on, wait_go_on) = mpsc::channel::<()>();
    let wait_go_on = Mutex::new(wait_go_on);
    let log: Log<(i64, i64)> = Arc::default();
    let seen = Arc::clone(&log);
    let _effect = Effect::new({
        let (table, signal) = (table.clone(), signal.clone());
        move || {
            let values = (table.read(), signal.get());
            seen.lock().unwrap().push(values);
            if values == (1, 1) {
                reached.send(()).unwrap();
                wait_go_on.lock().unwrap().recv().unwrap();
            }
        }
    });
    let writer = thread::spawn(move || signal.set(1));
    wait_reached.recv().unwrap();
    // Does not wait for it.
    assert_eq!(table.write(2).run().runs, 0);
    go_on.send(()).unwrap();
    writer.join().unwrap();
    assert_eq!(take(&log), [(1, 0), (1, 1), (2, 1)]);
}

#[test]
fn the_dispatcher_survives_panics_and_hears_of_the_first() {
    let table = Table::new(1);
    let make = |name: &'static str| {
        let table = table.clone();
        Effect::new(move || assert!(table.read() != 2, "{name} cannot bear it"))
    };
    let _effects = [make("a"), make("b")];
    let (_last, seen) = watch({
        let table = table.clone();
        move || table.read()
    });
    let ran = table.write(2).run();
    assert_eq!((ran.runs, ran.panic.as_deref()), (3, Some("a cannot bear it")));
    assert_eq!(table.write(3).run().panic, None);
    assert_eq!(take(&seen), [1, 2, 3]);
}

#[test]
fn what_due_effects_write_is_run_with_them() {
    let (table, signal) = (Table::new(1), Signal::new(0));
    let _writer = Effect::new({
        let (table, signal) = (table.clone(), signal.clone());
        move || signal.set(table.read() * 10)
    });
    let (_reader, seen) = watch(move || signal.get());
    assert_eq!(table.write(2).run().runs, 2);
    assert_eq!(take(&seen), [10, 20]);
}

#[test]
fn an_invalidation_in_an_effect_is_allowed() {
    let (table, signal) = (Table::new(1), Signal::new(0));
    let computed = table.computed();
    let (_reader, seen) = watch({
        let computed = computed.clone();
        move || computed.get()
    });
    let dues: Arc<Mutex<Vec<Due>>> = Arc::default();
    let _writer = Effect::new({
        let (signal, dues) = (signal.clone(), Arc::clone(&dues));
        move || {
            let value = signal.get();
            if value > 0 {
                dues.lock().unwrap().push(table.write(value));
                assert_eq!(untrack(|| computed.get()), value);
            }
        }
    });
    signal.set(5);
    assert_eq!(take(&seen), [1]);
    assert_eq!(dues.lock().unwrap().pop().unwrap().run().runs, 1);
    assert_eq!(take(&seen), [5]);
}

#[test]
fn an_invalidation_in_a_batch_is_seen_at_once() {
    let (table, signal) = (Table::new(1), Signal::new(0));
    let sum = {
        let (table, signal) = (table.clone(), signal.clone());
        Computed::new(move || table.read() + signal.get())
    };
    let (_effect, seen) = watch({
        let sum = sum.clone();
        move || sum.get()
    });
    let due = batch(|| {
        signal.set(10);
        assert_eq!(sum.get(), 11);
        let due = table.write(2);
        assert_eq!(sum.get(), 12);
        due
    });
    assert_eq!(take(&seen), [1, 12]);
    assert_eq!(due.run().runs, 0);
}

#[test]
fn due_effects_that_are_run_in_a_batch_run_at_its_end() {
    let table = Table::new(1);
    let (_effect, seen) = watch({
        let table = table.clone();
        move || table.read()
    });
    batch(|| {
        assert_eq!(table.write(2).run().runs, 0);
        assert_eq!(take(&seen), [1]);
    });
    assert_eq!(take(&seen), [2]);
}

#[test]
fn who_reads_can_tell_whether_it_is_tracked() {
    assert!(!is_tracking() && !is_computing());
    let _effect = Effect::new(|| {
        assert!(is_tracking() && !is_computing());
        untrack(|| assert!(!is_tracking()));
        Computed::new(|| assert!(is_tracking() && is_computing())).get();
    });
    assert!(!is_tracking());
}

/// Sources by key, as a store keeps them.
#[derive(Clone, Default)]
struct Registry(Arc<Mutex<HashMap<&'static str, WeakSource>>>);

impl Registry {
    fn source(&self, key: &'static str) -> Source {
        if let Some(source) = self.0.lock().unwrap().get(key).and_then(|source| source.upgrade()) {
            return source;
        }
        let registry = self.clone();
        let source = Source::new_with_drop_hook(move |gone| {
            let mut sources = registry.0.lock().unwrap();
            if sources.get(key) == Some(&gone) {
                sources.remove(key);
            }
        });
        self.0.lock().unwrap().insert(key, source.downgrade());
        source
    }

    fn keys(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[test]
fn a_registry_hears_when_neither_handle_nor_observer_is_left() {
    let registry = Registry::default();
    let source = registry.source("milk");
    let clone = source.clone();
    drop(source);
    assert_eq!(registry.keys(), 1);
    let weak = clone.downgrade();
    let effect = Effect::new({
        let registry = registry.clone();
        move || registry.source("milk").track()
    });
    drop(clone);
    // The observer keeps it, and it can be had again.
    assert_eq!(registry.keys(), 1);
    assert_eq!(registry.source("milk").downgrade(), weak);
    assert_eq!(invalidate([&registry.source("milk")]).run().runs, 1);
    assert_eq!(registry.keys(), 1);
    effect.stop();
    assert_eq!(registry.keys(), 0);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_source_that_nobody_tracks_leaves_with_its_handle() {
    let registry = Registry::default();
    registry.source("milk").track();
    assert_eq!(registry.keys(), 0);
    let computed = Computed::new({
        let registry = registry.clone();
        move || registry.source("bread").track()
    });
    computed.get();
    assert_eq!(registry.keys(), 1);
    drop(computed);
    assert_eq!(registry.keys(), 0);
}

#[test]
fn effects_that_were_not_run_are_due_again_with_the_next_change() {
    let table = Table::new(1);
    let (_effect, seen) = watch({
        let computed = table.computed();
        move || computed.get()
    });
    drop(table.write(2));
    assert_eq!(take(&seen), [1]);
    assert_eq!(table.write(3).run().runs, 1);
    assert_eq!(take(&seen), [3]);
}

#[test]
fn what_waits_for_one_origin_does_not_wait_for_another() {
    let (mine, yours) = (Origin::new(), Origin::new());
    let (a, b) = (Table::new(1), Table::new(1));
    let (_effect, seen) = watch({
        let (a, b) = (a.clone(), b.clone());
        move || a.read() + b.read()
    });
    let held = mine.invalidate([&a.source]);
    b.value.store(2, Ordering::SeqCst);
    assert_eq!(yours.invalidate([&b.source]).run().runs, 1);
    assert_eq!(take(&seen), [1 + 1, 1 + 2]);
    assert_eq!(held.run().runs, 0, "it has seen the other change too");
}

#[test]
fn an_effect_that_changes_its_own_source_is_due_and_does_not_run_on_the_spot_without_end() {
    let table = Table::new(0);
    let dues: Arc<Mutex<Vec<Due>>> = Arc::default();
    let (kept, own) = (Arc::clone(&dues), table.clone());
    let runs: Log<i64> = Arc::default();
    let seen = Arc::clone(&runs);
    let _effect = Effect::new(move || {
        let value = own.read();
        seen.lock().unwrap().push(value);
        kept.lock().unwrap().push(own.write(value + 1));
    });
    // The first run was overtaken by its own write before it was known that it reads this source.
    assert_eq!(take(&runs), [0, 1]);
    let due = take(&dues).pop().unwrap();
    assert_eq!(due.run().runs, 1);
    assert_eq!(take(&runs), [2]);
}
