//! When values are recalled that are kept outside of the graph, and how often: each in a graph of its own, for whoever changes
//! something recalls for others too.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use shuttle::thread;

use crate::reactive::{Computed, Effect, Origin, Signal, Source, batch};

/// Runs it in one order.
fn alone(scenario: fn()) {
    shuttle::check_random(scenario, 1);
}

/// Data elsewhere.
#[derive(Clone)]
struct Table {
    source: Source,
    value: Arc<AtomicI64>,
}

impl Table {
    fn new(value: i64) -> Self {
        Self { source: Source::new(), value: Arc::new(AtomicI64::new(value)) }
    }

    fn read(&self) -> i64 {
        self.source.track();
        self.value.load(Ordering::SeqCst)
    }

    fn computed(&self) -> Computed<i64> {
        let table = self.clone();
        Computed::new(move || table.read())
    }
}

/// A computed, and how often its value was recalled.
fn leased(read: impl Fn() -> i64 + Send + Sync + 'static) -> (Computed<i64>, impl Fn() -> usize) {
    let recalls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&recalls);
    let recall = move || {
        count.fetch_add(1, Ordering::SeqCst);
    };
    let computed = Computed::new_with_leases(read, i64::eq, recall);
    (computed, move || recalls.load(Ordering::SeqCst))
}

fn lease(computed: &Computed<i64>) -> i64 {
    computed.lease(|value| *value)
}

fn doubled(signal: &Signal<i64>) -> (Computed<i64>, impl Fn() -> usize) {
    let signal = signal.clone();
    leased(move || signal.get() * 2)
}

#[test]
fn a_value_that_is_kept_is_recalled_once_before_the_change_returns() {
    alone(|| {
        let signal = Signal::new(1);
        let (computed, recalls) = doubled(&signal);
        assert_eq!((lease(&computed), lease(&computed), recalls()), (2, 2, 0));
        signal.set(2);
        assert_eq!(recalls(), 1);
        signal.set(3);
        assert_eq!(recalls(), 1, "nobody keeps it");
        assert_eq!((lease(&computed), recalls()), (6, 1));
        signal.set(4);
        assert_eq!(recalls(), 2);
    });
}

#[test]
fn a_value_that_is_only_read_is_not_recalled() {
    alone(|| {
        let signal = Signal::new(1);
        let (computed, recalls) = doubled(&signal);
        assert_eq!(computed.get(), 2);
        signal.set(2);
        assert_eq!(recalls(), 0);
    });
}

#[test]
fn a_value_is_recalled_for_what_may_change_it_and_kept_again_where_it_did_not() {
    alone(|| {
        let signal = Signal::new(1);
        let of = signal.clone();
        let (computed, recalls) = leased(move || of.get() / 10);
        assert_eq!(lease(&computed), 0);
        signal.set(2);
        assert_eq!((recalls(), lease(&computed)), (1, 0));
        signal.set(30);
        assert_eq!((recalls(), lease(&computed)), (2, 3));
    });
}

#[test]
fn a_value_is_recalled_through_what_lies_between_and_before_effects_run() {
    alone(|| {
        let signal = Signal::new(1);
        let between = {
            let signal = signal.clone();
            Computed::new(move || signal.get() + 1)
        };
        let (computed, recalls) = leased(move || between.get() * 10);
        let recalls = Arc::new(recalls);
        let seen = Arc::new(AtomicUsize::new(0));
        let _effect = Effect::new({
            let (computed, recalls, seen) = (computed.clone(), Arc::clone(&recalls), Arc::clone(&seen));
            move || {
                computed.get();
                seen.store(recalls(), Ordering::SeqCst);
            }
        });
        assert_eq!(lease(&computed), 20);
        signal.set(2);
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn data_elsewhere_recalls_what_was_made_of_it() {
    alone(|| {
        let (origin, table) = (Origin::new(), Table::new(1));
        let of = table.clone();
        let (computed, recalls) = leased(move || of.read());
        assert_eq!(lease(&computed), 1);
        table.value.store(2, Ordering::SeqCst);
        let due = origin.invalidate([&table.source]);
        assert_eq!((recalls(), due.is_empty()), (1, true));
        assert_eq!(lease(&computed), 2);
    });
}

#[test]
fn what_a_batch_has_written_makes_nothing_that_may_be_kept() {
    alone(|| {
        let signal = Signal::new(1);
        let (computed, recalls) = doubled(&signal);
        assert_eq!(lease(&computed), 2);
        batch(|| {
            assert_eq!((lease(&computed), recalls()), (2, 0), "nothing is written yet");
            signal.set(2);
            assert_eq!((lease(&computed), recalls()), (4, 1), "nobody else may see it");
        });
        assert_eq!(recalls(), 2);
        assert_eq!((lease(&computed), recalls()), (4, 2));
    });
}

#[test]
fn a_value_that_was_overtaken_is_recalled_at_once() {
    alone(|| {
        let (origin, table) = (Origin::new(), Table::new(0));
        let times = Arc::new(AtomicI64::new(100));
        let (computed, recalls) = leased({
            let (origin, table, times) = (origin.clone(), table.clone(), Arc::clone(&times));
            move || {
                let value = table.read();
                if times.fetch_sub(1, Ordering::SeqCst) > 0 {
                    let (origin, table) = (origin.clone(), table.clone());
                    let overtake = move || {
                        table.value.fetch_add(1, Ordering::SeqCst);
                        origin.invalidate([&table.source]).run();
                    };
                    thread::spawn(overtake).join().unwrap();
                }
                value
            }
        });
        lease(&computed);
        assert!(times.load(Ordering::SeqCst) > 0, "it was still being overtaken");
        assert_eq!(recalls(), 1);
        times.store(0, Ordering::SeqCst);
        assert_eq!((lease(&computed), recalls()), (table.value.load(Ordering::SeqCst), 1));
    });
}

#[test]
fn a_computed_that_panics_keeps_nothing() {
    alone(|| {
        let signal = Signal::new(1);
        let of = signal.clone();
        let (computed, recalls) = leased(move || 8 / (of.get() - 1));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lease(&computed))).is_err());
        signal.set(3);
        assert_eq!((recalls(), lease(&computed)), (0, 4));
    });
}

/// While the first change recalls what was made of it, another thread makes a second one.
fn change_within_a_recall(
    made: impl Fn() -> i64 + Send + Sync + 'static,
    change: impl Fn() + Send + Sync + 'static,
) {
    let (heard, change) = (Arc::new(AtomicUsize::new(0)), Arc::new(change));
    let is_first = AtomicBool::new(true);
    let recall = {
        let (heard, change) = (Arc::clone(&heard), Arc::clone(&change));
        move || {
            if is_first.swap(false, Ordering::SeqCst) {
                let (heard, change) = (Arc::clone(&heard), Arc::clone(&change));
                let second = move || {
                    change();
                    assert!(heard.load(Ordering::SeqCst) > 0, "its keeper has not heard of it yet");
                };
                thread::spawn(second).join().unwrap();
            }
            heard.fetch_add(1, Ordering::SeqCst);
        }
    };
    let computed = Computed::new_with_leases(made, i64::eq, recall);
    lease(&computed);
    change();
    assert_eq!(heard.load(Ordering::SeqCst), 2);
    change();
    assert_eq!(heard.load(Ordering::SeqCst), 2, "it is over");
}

#[test]
fn a_signal_is_not_set_before_the_keeper_has_heard_who_was_being_told_already() {
    alone(|| {
        let signal = Signal::new(0);
        let of = signal.clone();
        change_within_a_recall(move || of.get(), move || signal.update(|value| *value += 1));
    });
}

#[test]
fn data_elsewhere_is_not_changed_before_the_keeper_has_heard_who_was_being_told_already() {
    alone(|| {
        let (origin, table) = (Origin::new(), Table::new(0));
        let between = table.computed();
        let change = move || {
            table.value.fetch_add(1, Ordering::SeqCst);
            assert!(origin.invalidate([&table.source]).is_empty());
        };
        change_within_a_recall(move || between.get(), change);
    });
}

#[test]
fn an_effect_that_has_seen_a_change_finds_it_with_a_keeper_who_is_just_being_told() {
    alone(|| {
        let (signal, heard) = (Signal::new(0), Arc::new(AtomicUsize::new(0)));
        let is_first = AtomicBool::new(true);
        let recall = {
            let (signal, heard) = (signal.clone(), Arc::clone(&heard));
            move || {
                if is_first.swap(false, Ordering::SeqCst) {
                    let (signal, heard) = (signal.clone(), Arc::clone(&heard));
                    let watch = move || {
                        drop(Effect::new(move || {
                            assert_eq!(signal.get(), 1);
                            assert_eq!(heard.load(Ordering::SeqCst), 1, "its keeper has not heard of it yet");
                        }));
                    };
                    thread::spawn(watch).join().unwrap();
                }
                heard.fetch_add(1, Ordering::SeqCst);
            }
        };
        let of = signal.clone();
        let computed = Computed::new_with_leases(move || of.get(), i64::eq, recall);
        lease(&computed);
        signal.set(1);
        assert_eq!(heard.load(Ordering::SeqCst), 2);
    });
}

/// Reads a signal when it is dropped.
struct Reads(Signal<i64>);

impl Drop for Reads {
    fn drop(&mut self) {
        self.0.get();
    }
}

#[test]
fn what_is_dropped_while_it_is_recalled_is_no_part_of_the_effect_that_recalls_it() {
    alone(|| {
        let [signal, read] = [Signal::new(0), Signal::new(0)];
        let only = Arc::new(Mutex::new(None::<Computed<i64>>));
        let (of, reads, last) = (signal.clone(), Reads(read.clone()), Arc::clone(&only));
        let compute = move || {
            let _kept = &reads;
            of.get()
        };
        // Another thread lets go of it, whose closure is then left to whoever recalls.
        let recall = move || {
            let last = last.lock().unwrap().take();
            thread::spawn(move || drop(last)).join().unwrap();
        };
        let computed = Computed::new_with_leases(compute, i64::eq, recall);
        lease(&computed);
        *only.lock().unwrap() = Some(computed);
        let runs = Arc::new(AtomicUsize::new(0));
        let _effect = Effect::new({
            let (signal, runs) = (signal.clone(), Arc::clone(&runs));
            move || {
                runs.fetch_add(1, Ordering::SeqCst);
                signal.set(1);
            }
        });
        read.set(1);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    });
}
