//! That nothing is left in the graph, and that nothing runs in vain. The graph is the whole process's, so these tests
//! run one at a time, and no others here.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use mizu_sync::reactive::{Counts, counts, on_cleanup};
use mizu_sync::{Computed, Effect, Signal, batch};

static TURN: Mutex<()> = Mutex::new(());

/// Gives how many nodes, links and effects there are more than at its beginning.
fn growth(work: impl FnOnce(&dyn Fn() -> (usize, usize, usize))) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = counts();
    let more = || {
        let Counts { nodes, links, effects } = counts();
        (nodes - before.nodes, links - before.links, effects - before.effects)
    };
    work(&more);
    assert_eq!(more(), (0, 0, 0), "left at the end");
}

#[test]
fn nodes_leave_the_graph_with_their_last_handle() {
    growth(|more| {
        let signal = Signal::new(1);
        let computed = Computed::new({
            let signal = signal.clone();
            move || signal.get()
        });
        let clone = computed.clone();
        assert_eq!(more(), (2, 0, 0));
        let _ = computed.get();
        assert_eq!(more(), (2, 1, 0));
        drop(computed);
        drop(signal);
        assert_eq!(more(), (2, 1, 0));
        drop(clone);
        assert_eq!(more(), (0, 0, 0));
    });
}

#[test]
fn an_observer_keeps_what_it_observes_and_lets_go_of_it() {
    growth(|more| {
        let signal = Signal::new(1);
        let computed = Computed::new({
            let signal = signal.clone();
            move || signal.get()
        });
        let mut once = Some(computed);
        let effect = Effect::new(move || {
            if let Some(computed) = once.take() {
                let _ = computed.get();
            }
        });
        assert_eq!(more(), (3, 2, 1));
        // It does not read the computed any more.
        signal.set(2);
        assert_eq!(more(), (2, 0, 1));
        effect.stop();
        assert_eq!(more(), (1, 0, 0));
    });
}

#[test]
fn reading_twice_is_one_link_and_links_that_are_not_needed_go() {
    growth(|more| {
        let signals: Vec<_> = (0..10).map(|_| Signal::new(1)).collect();
        let count = Signal::new(10);
        let sum = Computed::new({
            let (signals, count) = (signals.clone(), count.clone());
            move || (0..2).map(|_| signals[..count.get()].iter().map(Signal::get).sum::<i32>()).sum::<i32>()
        });
        assert_eq!((sum.get(), more().1), (20, 11));
        count.set(2);
        assert_eq!((sum.get(), more().1), (4, 3));
        count.set(5);
        assert_eq!((sum.get(), more().1), (10, 6));
    });
}

#[test]
fn a_signal_does_not_keep_the_computeds_that_read_it() {
    growth(|more| {
        let signal = Signal::new(1);
        for _ in 0..100 {
            let signal = signal.clone();
            let _ = Computed::new(move || signal.get()).get();
        }
        assert_eq!(more(), (1, 0, 0));
    });
}

#[test]
fn nested_effects_leave_with_the_outer_ones_run() {
    growth(|more| {
        let signal = Signal::new(0);
        let outer = Effect::new({
            let signal = signal.clone();
            move || {
                let value = signal.get();
                for _ in 0..value {
                    let signal = signal.clone();
                    Effect::new(move || {
                        signal.get();
                    })
                    .detach();
                }
            }
        });
        for (value, expected) in [(5, 6), (2, 3), (0, 1)] {
            signal.set(value);
            assert_eq!(more().2, expected);
        }
        outer.stop();
    });
}

#[test]
fn a_chain_leaves_from_its_end_on() {
    growth(|more| {
        let signal = Signal::new(0);
        let mut last = Computed::new({
            let signal = signal.clone();
            move || signal.get()
        });
        for _ in 0..10_000 {
            let below = last.clone();
            last = Computed::new(move || below.get());
            let _ = last.get();
        }
        assert_eq!(more(), (10_002, 10_001, 0));
        drop(last);
        assert_eq!(more(), (1, 0, 0));
    });
}

#[test]
fn what_is_made_and_dropped_inside_a_run_leaves() {
    growth(|more| {
        let signal = Signal::new(0);
        let effect = Effect::new({
            let signal = signal.clone();
            move || {
                let inner = signal.clone();
                let computed = Computed::new(move || inner.get());
                let _ = computed.get();
                on_cleanup(move || drop(computed));
                drop(Signal::new(1));
            }
        });
        for value in 1..10 {
            signal.set(value);
            assert_eq!(more(), (3, 2, 1));
        }
        drop(effect);
    });
}

#[test]
fn panics_leave_nothing() {
    growth(|_| {
        let signal = Signal::new(0);
        let computed = Computed::new({
            let signal = signal.clone();
            move || assert!(signal.get() > 100)
        });
        let work = || {
            let _effect = Effect::new({
                let computed = computed.clone();
                move || computed.get()
            });
        };
        for _ in 0..3 {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_err();
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| computed.get())).unwrap_err();
            signal.update(|value| *value += 1);
        }
    });
}

#[test]
fn a_batch_leaves_nothing() {
    growth(|_| {
        let signal = Signal::new(0);
        let computed = Computed::new({
            let signal = signal.clone();
            move || signal.get()
        });
        let _effect = batch(|| {
            signal.set(1);
            let _ = computed.get();
            let inner = signal.clone();
            let _ = Computed::new(move || inner.get()).get();
            let inner = signal.clone();
            Effect::new(move || {
                inner.get();
            })
        });
    });
}

#[test]
fn places_are_used_again() {
    growth(|more| {
        let kept = Signal::new(0);
        for round in 0..1_000 {
            let signal = Signal::new(round);
            let computed = Computed::new({
                let (signal, kept) = (signal.clone(), kept.clone());
                move || signal.get() + kept.get()
            });
            assert_eq!(computed.get(), round);
            assert_eq!(more(), (3, 2, 0));
        }
    });
}

/// While other threads commit, it may run once more.
#[test]
fn an_effect_made_inside_runs_at_once_and_sees_the_writes() {
    growth(|_| {
        let source = Signal::new(0);
        let double = Computed::new({
            let source = source.clone();
            move || source.get() * 2
        });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let take = || mem::take(&mut *seen.lock().unwrap());
        let _effect = batch(|| {
            source.set(1);
            let effect = Effect::new({
                let (source, double, seen) = (source.clone(), double.clone(), Arc::clone(&seen));
                move || seen.lock().unwrap().push((source.get(), double.get()))
            });
            assert_eq!(take(), [(1, 2)]);
            effect
        });
        // It has seen what is so now.
        assert_eq!(take(), []);
        source.set(2);
        assert_eq!(take(), [(2, 4)]);
    });
}
