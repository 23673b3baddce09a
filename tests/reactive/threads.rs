//! Several threads at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use mizu_sync::{Computed, Effect, Signal, batch};

use crate::log::{Counter, Log, own};
use crate::seeds::seeds;

const ROUNDS: usize = 2_000;

#[test]
fn all_handles_can_be_sent_and_shared() {
    fn check<T: Send + Sync>() {}
    check::<Signal<i32>>();
    check::<Computed<i32>>();
    check::<Effect>();
}

#[test]
fn no_update_is_lost() {
    let count = Signal::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..ROUNDS).for_each(|_| count.update(|count| *count += 1)));
        }
    });
    assert_eq!(count.get(), 4 * ROUNDS);
}

#[test]
fn another_thread_never_sees_half_of_a_batch() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let difference = Computed::new(own!(a, b => move || a.get() - b.get()));
    let through = Computed::new(own!(difference, a => move || (difference.get(), a.get())));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !is_done.load(Ordering::SeqCst) {
                        assert_eq!(difference.get(), 0);
                        assert_eq!(through.get().0, 0);
                    }
                })
            })
            .collect();
        for value in 1..i32::try_from(ROUNDS).unwrap() {
            batch(|| {
                a.set(value);
                b.set(value);
            });
        }
        is_done.store(true, Ordering::SeqCst);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
}

#[test]
fn nobody_else_sees_a_batch_before_its_end() {
    let source = Signal::new(0);
    let double = Computed::new(own!(source => move || source.get() * 2));
    batch(|| {
        source.set(1);
        assert_eq!(double.get(), 2);
        let others = thread::scope(|scope| scope.spawn(|| (source.get(), double.get())).join().unwrap());
        assert_eq!(others, (0, 0));
    });
    assert_eq!((source.get(), double.get()), (1, 2));
}

#[test]
fn a_batch_may_wait_for_a_thread_that_sets_what_it_has_set() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
    batch(|| {
        source.set(1);
        thread::scope(|scope| scope.spawn(|| source.set(2)).join().unwrap());
        assert_eq!(source.get(), 1);
    });
    // The batch ended later, so it wins.
    assert_eq!(seen.take(), [0, 2, 1]);
}

#[test]
fn a_batch_that_writes_what_is_there_overwrites_what_came_between() {
    let source = Signal::new(0);
    batch(|| {
        source.set(1);
        source.set(0);
        thread::scope(|scope| scope.spawn(|| source.set(2)).join().unwrap());
    });
    assert_eq!(source.get(), 0);
}

#[test]
fn what_a_batch_sets_to_the_value_that_is_there_already_is_set_too() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let sum = Computed::new(own!(a, b => move || a.get() + b.get()));
    batch(|| {
        a.set(0);
        let set_both = || {
            batch(|| {
                a.set(5);
                b.set(-5);
            });
        };
        thread::scope(|scope| scope.spawn(set_both).join().unwrap());
        assert_eq!(a.get(), 0);
        b.set(0);
        assert_eq!(sum.get(), 0);
    });
    assert_eq!((a.get(), b.get(), sum.get()), (0, 0, 0));
}

#[test]
fn closures_may_wait_for_threads_that_use_the_graph() {
    let (source, other) = (Signal::new(1), Signal::new(1));
    let helped = Computed::new(own!(source, other => move || {
        let there = thread::scope(|scope| scope.spawn(|| other.get()).join().unwrap());
        source.get() + there
    }));
    let seen = Log::new();
    let _effect = Effect::new(own!(helped, other, seen => move || {
        seen.add(helped.get());
        thread::scope(|scope| scope.spawn(|| other.set(5)).join().unwrap());
    }));
    source.set(2);
    assert_eq!(seen.take(), [2, 7]);
}

#[test]
fn a_computed_that_was_overtaken_gives_no_mixed_value() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let is_first = AtomicBool::new(true);
    // Between its two reads, in the first run only, another thread changes both.
    let pair = Computed::new(own!(a, b, runs => move || {
        runs.add();
        let first = a.get();
        if is_first.swap(false, Ordering::SeqCst) {
            let (a, b) = (a.clone(), b.clone());
            thread::spawn(move || batch(|| {
                a.set(1);
                b.set(1);
            }))
            .join()
            .unwrap();
        }
        (first, b.get())
    }));
    assert_eq!(pair.get(), (1, 1));
    assert_eq!(runs.take(), 2);
}

#[test]
fn a_panic_out_of_a_mixed_state_is_no_panic() {
    let (items, index) = (Signal::new(vec![1, 2]), Signal::new(1));
    let is_first = AtomicBool::new(true);
    let picked = Computed::new(own!(items, index => move || {
        let index_now = index.get();
        if is_first.swap(false, Ordering::SeqCst) {
            let (items, index) = (items.clone(), index.clone());
            thread::spawn(move || batch(|| {
                index.set(0);
                items.set(vec![9]);
            }))
            .join()
            .unwrap();
        }
        items.with(|items| items[index_now])
    }));
    assert_eq!(picked.get(), 9);
}

#[test]
fn an_effect_that_was_overtaken_runs_again_on_its_thread() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let is_first = AtomicBool::new(true);
    let here = thread::current().id();
    let _effect = Effect::new(own!(a, b, seen => move || {
        let first = a.get();
        if is_first.swap(false, Ordering::SeqCst) {
            let (a, b) = (a.clone(), b.clone());
            thread::spawn(move || batch(|| {
                a.set(1);
                b.set(1);
            }))
            .join()
            .unwrap();
        }
        seen.add((first, b.get(), thread::current().id() == here));
    }));
    assert_eq!(seen.take(), [(0, 1, true), (1, 1, true)]);
}

#[test]
fn an_effect_never_runs_twice_at_the_same_time_and_misses_nothing() {
    let source = Signal::new(0);
    let is_running = Arc::new(AtomicBool::new(false));
    let last = Arc::new(Mutex::new(0));
    let _effect = Effect::new(own!(source, is_running, last => move || {
        assert!(!is_running.swap(true, Ordering::SeqCst), "it runs already");
        *last.lock().unwrap() = source.get();
        is_running.store(false, Ordering::SeqCst);
    }));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..ROUNDS).for_each(|_| source.update(|value| *value += 1)));
        }
    });
    assert_eq!(*last.lock().unwrap(), 3 * ROUNDS);
}

#[test]
fn an_effect_due_while_it_runs_elsewhere_is_run_again_there() {
    let source = Signal::new(0);
    let (reached, wait_reached) = mpsc::channel();
    let (go_on, wait_go_on) = mpsc::channel::<()>();
    let wait_go_on = Mutex::new(wait_go_on);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || {
        let value = source.get();
        seen.add((value, thread::current().name().map(str::to_owned)));
        if value == 1 {
            reached.send(()).unwrap();
            wait_go_on.lock().unwrap().recv().unwrap();
        }
    }));
    seen.take();
    let first =
        thread::Builder::new().name("first".into()).spawn(own!(source => move || source.set(1))).unwrap();
    wait_reached.recv().unwrap();
    // Returns although the effect runs.
    source.set(2);
    go_on.send(()).unwrap();
    first.join().unwrap();
    let on_first = |value| (value, Some("first".to_owned()));
    assert_eq!(seen.take(), [on_first(1), on_first(2)]);
}

#[test]
fn effects_run_on_the_thread_that_wrote() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || {
        source.get();
        seen.add(thread::current().id());
    }));
    let writer = thread::spawn(own!(source => move || {
        source.set(1);
        thread::current().id()
    }));
    let writer = writer.join().unwrap();
    assert_eq!(seen.take(), [thread::current().id(), writer]);
}

#[test]
fn an_effect_stopped_by_another_thread_ends_its_run_and_then_cleans_up() {
    let source = Signal::new(0);
    let (reached, wait_reached) = mpsc::channel();
    let (go_on, wait_go_on) = mpsc::channel::<()>();
    let wait_go_on = Mutex::new(wait_go_on);
    let log = Log::new();
    let effect = Effect::new(own!(source, log => move || {
        let value = source.get();
        mizu_sync::reactive::on_cleanup(own!(log => move || log.add(format!("clean {value}"))));
        if value == 1 {
            reached.send(()).unwrap();
            wait_go_on.lock().unwrap().recv().unwrap();
        }
        log.add(format!("end {value}"));
    }));
    let writer = thread::spawn(own!(source => move || source.set(1)));
    wait_reached.recv().unwrap();
    effect.stop();
    log.add("stopped".to_owned());
    go_on.send(()).unwrap();
    writer.join().unwrap();
    assert_eq!(log.take(), ["end 0", "clean 0", "stopped", "end 1", "clean 1"]);
    source.set(2);
    assert_eq!(log.take(), [] as [&str; 0]);
}

#[test]
fn a_busy_neighbour_is_no_endless_circle() {
    // An effect that mirrors a signal which others set all the time runs often, and rightly so.
    let (source, mirror) = (Signal::new(0), Signal::new(0));
    let _mirrors = Effect::new(own!(source, mirror => move || mirror.set(source.get())));
    let _reads = Effect::new(own!(mirror => move || { mirror.get(); }));
    let start = Barrier::new(3);
    thread::scope(|scope| {
        for thread in 0..3 {
            let (start, source) = (&start, &source);
            scope.spawn(move || {
                start.wait();
                (0..ROUNDS).for_each(|round| source.set(round * 3 + thread));
            });
        }
    });
    assert_eq!(mirror.get(), source.get());
}

#[test]
fn nodes_are_made_read_set_and_dropped_on_all_threads() {
    seeds(3).for_each(|seed| hammer(4, ROUNDS, seed));
}

/// Many threads do everything there is, on shared signals. Signals 2n and 2n+1 are only ever set together, to
/// opposite values, so whatever is seen sums up to nothing.
fn hammer(threads: u64, rounds: usize, seed: u64) {
    let signals: Vec<_> = (0..8).map(|_| Signal::new(0_i64)).collect();
    let sum = Computed::new(own!(signals => move || signals.iter().map(Signal::get).sum::<i64>()));
    let every_other = |first: usize| own!(signals => move || signals.iter().skip(first).step_by(2).map(Signal::get).sum::<i64>());
    let (even, odd) = (Computed::new(every_other(0)), Computed::new(every_other(1)));
    let total = Computed::new(move || even.get() + odd.get());
    let updates = Signal::new(0);
    let watched = Arc::new(Mutex::new(vec![]));
    let watch = Effect::new(own!(signals, watched => move || {
        *watched.lock().unwrap() = signals.iter().map(Signal::get).collect();
    }));
    thread::scope(|scope| {
        for thread in 0..threads {
            let (signals, sum, total, updates) = (&signals, &sum, &total, &updates);
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed * 1000 + thread);
                let mut kept: Vec<Effect> = vec![];
                for _ in 0..rounds {
                    let (pair, value) = (random.usize(..4) * 2, random.i64(-9..10));
                    let set_pair = || {
                        signals[pair].set(value);
                        signals[pair + 1].set(-value);
                    };
                    match random.u8(..10) {
                        0..3 => batch(set_pair),
                        3 => assert_eq!(sum.get(), 0),
                        4 => assert_eq!(total.get(), 0),
                        5 if kept.len() < 8 => kept.push(Effect::new(own!(sum => move || { sum.get(); }))),
                        6 => drop(kept.pop()),
                        7 if kept.len() < 8 => {
                            let (signal, total) = (signals[pair].clone(), total.clone());
                            let mixed = Computed::new(move || signal.get() + total.get());
                            let _ = mixed.get();
                            kept.push(Effect::new(move || {
                                mixed.get();
                            }));
                        }
                        8 => batch(|| {
                            assert_eq!((sum.get(), total.get()), (0, 0));
                            set_pair();
                            assert_eq!((total.get(), sum.get()), (0, 0));
                            assert_eq!(signals[pair].get(), value);
                        }),
                        _ => updates.update(|updates| *updates += 1),
                    }
                }
            });
        }
    });
    // Whoever ran the effect last has run it until it had seen what is so now.
    let now: Vec<i64> = signals.iter().map(Signal::get).collect();
    assert_eq!(*watched.lock().unwrap(), now);
    watch.stop();
    assert_eq!((sum.get(), total.get()), (0, 0));
}
