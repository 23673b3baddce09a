//! Data that changes while it is read, again and again.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use super::source::{Log, Table, take, watch};
use crate::reactive::{Computed, Due, Effect, Origin, Signal, batch};

/// An origin whose late effects are collected.
fn with_runner() -> (Origin, Arc<Mutex<Vec<Due>>>) {
    let (origin, later) = (Origin::new(), Arc::<Mutex<Vec<Due>>>::default());
    let collect = Arc::downgrade(&later);
    origin.set_runner(move |due| {
        if let Some(later) = collect.upgrade() {
            later.lock().unwrap().push(due);
        }
    });
    (origin, later)
}

/// Runs what is collected until nothing is left. Gives the number of runs.
fn run_all(later: &Mutex<Vec<Due>>) -> usize {
    let next = || later.lock().unwrap().pop();
    std::iter::from_fn(next).map(|due| due.run().runs).sum()
}

#[test]
fn an_effect_that_runs_elsewhere_when_its_turn_comes_is_handed_to_the_runner() {
    let (origin, later) = with_runner();
    let (table, signal) = (Table::new(0), Signal::new(0));
    let log: Log<(i64, i64)> = Arc::default();
    let _effect = Effect::new({
        let (table, signal, log) = (table.clone(), signal.clone(), Arc::clone(&log));
        move || {
            let values = (table.read(), signal.get());
            log.lock().unwrap().push(values);
            if signal.get() == 1 {
                // Another thread changes the data and tries to run what is due by it, while this runs.
                let (origin, table) = (origin.clone(), table.clone());
                let due = move || {
                    table.value.fetch_add(1, Ordering::SeqCst);
                    origin.invalidate([&table.source]).run().runs
                };
                assert_eq!(thread::spawn(due).join().unwrap(), 0);
            }
        }
    });
    signal.set(1);
    assert_eq!(take(&log), [(0, 0), (0, 1)], "the thread that wrote is not kept");
    for value in 1..1000 {
        let due = later.lock().unwrap().pop().unwrap();
        assert_eq!(due.run().runs, 1);
        assert_eq!(take(&log), [(value, 1)]);
    }
    signal.set(2);
    assert_eq!(take(&log), [(1000, 2)]);
    assert_eq!(run_all(&later), 0, "it has seen all of it");
}

#[test]
fn an_effect_overtaken_in_its_first_run_is_handed_to_the_runner() {
    let (origin, later) = with_runner();
    let table = Table::new(1);
    let computed = table.computed();
    let log: Log<i64> = Arc::default();
    let (seen, overtaker) = (Arc::clone(&log), table.clone());
    let _effect = Effect::new(move || {
        let value = computed.get();
        seen.lock().unwrap().push(value);
        if value == 1 {
            overtaker.value.store(2, Ordering::SeqCst);
            // Nobody knows yet that it reads this.
            assert!(origin.invalidate([&overtaker.source]).is_empty());
            panic!("it saw what is no more");
        }
    });
    assert_eq!(take(&log), [1], "what was overtaken is not run on the spot, and its panic does not count");
    assert_eq!(run_all(&later), 1);
    assert_eq!(take(&log), [2]);
}

#[test]
fn an_effect_that_is_due_by_an_origin_already_is_not_handed_over_as_well() {
    let (origin, later) = with_runner();
    let (table, signal) = (Table::new(1), Signal::new(0));
    let dues: Arc<Mutex<Vec<Due>>> = Arc::default();
    let log: Log<i64> = Arc::default();
    let _effect = Effect::new({
        let (table, signal, dues, log) = (table.clone(), signal.clone(), Arc::clone(&dues), Arc::clone(&log));
        move || {
            log.lock().unwrap().push(table.read());
            if signal.get() == 1 {
                table.value.store(2, Ordering::SeqCst);
                dues.lock().unwrap().push(origin.invalidate([&table.source]));
                signal.set(2);
            }
        }
    });
    signal.set(1);
    // It has changed the signal itself, too, and runs for that: it has seen everything.
    assert_eq!(take(&log), [1, 1, 2]);
    assert_eq!((run_all(&later), run_all(&dues)), (0, 0));
}

#[test]
fn an_effect_whose_runner_is_gone_runs_on_the_spot() {
    let (origin, _later) = with_runner();
    let table = Table::new(1);
    let log: Log<i64> = Arc::default();
    let (seen, overtaker) = (Arc::clone(&log), table);
    let mut origin = Some(origin);
    let _effect = Effect::new(move || {
        seen.lock().unwrap().push(overtaker.read());
        if let Some(origin) = origin.take() {
            overtaker.value.store(2, Ordering::SeqCst);
            assert!(origin.invalidate([&overtaker.source]).is_empty());
        }
    });
    assert_eq!(take(&log), [1, 2]);
}

/// Changes the table's data while somebody is reading it, as often as `times` says, from another thread.
#[derive(Clone)]
struct Overtaker {
    table: Table,
    origin: Origin,
    times: Arc<AtomicI64>,
}

impl Overtaker {
    fn new(origin: &Origin, times: i64) -> Self {
        let times = Arc::new(AtomicI64::new(times));
        Self { table: Table::new(0), origin: origin.clone(), times }
    }

    fn read(&self) -> i64 {
        let value = self.table.read();
        if self.times.fetch_sub(1, Ordering::SeqCst) > 0 {
            let this = self.clone();
            thread::spawn(move || {
                this.table.value.fetch_add(1, Ordering::SeqCst);
                this.origin.invalidate([&this.table.source]).run();
            })
            .join()
            .unwrap();
        }
        value
    }

    fn is_over(&self) -> bool {
        self.times.load(Ordering::SeqCst) <= 0
    }
}

/// A computed of it, one above that, and how often the first ran.
fn overtaken(overtaker: &Overtaker) -> (Computed<i64>, Computed<i64>, Arc<AtomicI64>) {
    let runs = Arc::new(AtomicI64::new(0));
    let low = {
        let (overtaker, runs) = (overtaker.clone(), Arc::clone(&runs));
        Computed::new(move || {
            runs.fetch_add(1, Ordering::SeqCst);
            overtaker.read()
        })
    };
    let high = {
        let low = low.clone();
        Computed::new(move || low.get() * 2 + low.get() * 8)
    };
    (low, high, runs)
}

#[test]
fn a_read_returns_after_few_runs_however_often_sources_change_and_a_quiet_one_gives_the_newest() {
    let (origin, _later) = with_runner();
    let overtaker = Overtaker::new(&origin, 1000);
    let (low, high, runs) = overtaken(&overtaker);
    while !overtaker.is_over() {
        for read in [&low, &high] {
            runs.store(0, Ordering::SeqCst);
            let least = overtaker.table.value.load(Ordering::SeqCst);
            let factor = if std::ptr::eq(read, &low) { 1 } else { 10 };
            let value = read.get();
            assert!(runs.load(Ordering::SeqCst) <= 4);
            assert_eq!(value % factor, 0, "one value of what is below");
            assert!(value / factor >= least, "older than the beginning of the read");
        }
    }
    assert_eq!((low.get(), high.get()), (1000, 10_000));
    runs.store(0, Ordering::SeqCst);
    assert_eq!((low.get(), high.get()), (1000, 10_000));
    assert_eq!(runs.load(Ordering::SeqCst), 0, "it is remembered");
}

#[test]
fn a_read_in_a_batch_returns_after_few_runs_however_often_sources_change() {
    let (origin, _later) = with_runner();
    let overtaker = Overtaker::new(&origin, 1000);
    let (_low, high, runs) = overtaken(&overtaker);
    let other = Signal::new(0);
    batch(|| {
        other.set(1);
        high.get();
        assert!(runs.load(Ordering::SeqCst) <= 4);
    });
    while !overtaker.is_over() {
        high.get();
    }
    assert_eq!(high.get(), 10_000);
}

#[test]
fn computeds_that_are_overtaken_while_the_other_runs_end_too() {
    let (origin, _later) = with_runner();
    let (first, second) = (Table::new(0), Table::new(0));
    let times = Arc::new(AtomicI64::new(1000));
    let make = |mine: &Table, other: &Table| {
        let (mine, other, origin, times) = (mine.clone(), other.clone(), origin.clone(), Arc::clone(&times));
        Computed::new(move || {
            let value = mine.read();
            if times.fetch_sub(1, Ordering::SeqCst) > 0 {
                other.value.fetch_add(1, Ordering::SeqCst);
                drop(origin.invalidate([&other.source]).run());
            }
            value
        })
    };
    let (a, b) = (make(&first, &second), make(&second, &first));
    let both = Computed::new(move || (a.get(), b.get()));
    let mut reads = 0;
    while times.load(Ordering::SeqCst) > 0 {
        both.get();
        reads += 1;
    }
    assert!(reads > 50, "{reads}");
    let newest = || (first.value.load(Ordering::SeqCst), second.value.load(Ordering::SeqCst));
    assert_eq!(both.get(), newest());
}

#[test]
fn effects_above_what_is_overtaken_return_and_see_the_newest_in_the_end() {
    let (origin, later) = with_runner();
    let overtaker = Overtaker::new(&origin, 1000);
    let (_low, high, runs) = overtaken(&overtaker);
    let (_effect, seen) = watch(move || high.get());
    assert!(runs.load(Ordering::SeqCst) <= 4);
    assert!(run_all(&later) > 100);
    assert!(overtaker.is_over());
    assert_eq!(take(&seen).last(), Some(&10_000));
    overtaker.table.value.store(7, Ordering::SeqCst);
    assert_eq!(origin.invalidate([&overtaker.table.source]).run().runs, 1);
    assert_eq!(take(&seen), [70]);
}

#[test]
fn what_panics_while_it_is_overtaken_panics_after_few_runs_and_recovers() {
    let (origin, later) = with_runner();
    let overtaker = Overtaker::new(&origin, 1000);
    let low = {
        let overtaker = overtaker.clone();
        Computed::new(move || {
            let value = overtaker.read();
            assert!(value == 1000, "not yet");
            value
        })
    };
    let high = {
        let low = low.clone();
        Computed::new(move || low.get() * 10)
    };
    let read = std::panic::AssertUnwindSafe(|| high.get());
    assert!(std::panic::catch_unwind(read).is_err());
    assert!(!overtaker.is_over());
    let seen: Log<i64> = Arc::default();
    let log = Arc::clone(&seen);
    let _effect = Effect::new(move || {
        let value = high.get();
        log.lock().unwrap().push(value);
    });
    run_all(&later);
    assert!(overtaker.is_over());
    assert_eq!(take(&seen), [10_000]);
}
