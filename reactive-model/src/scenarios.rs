//! What may go wrong between threads: deadlocks, lost wake-ups, half batches, leaks.

use std::sync::{Arc, Mutex};

use shuttle::thread;

use crate::reactive::{Computed, Due, Effect, Origin, Signal, Source, batch, counts, on_cleanup, untrack};

/// In so many orders.
const ORDERS: usize = 5_000;

/// Runs a scenario in many orders: drawn evenly, and with few switches at surprising places. Nothing may be left
/// in the graph.
fn in_many_orders(scenario: fn()) {
    let scenario = move || {
        scenario();
        assert_eq!(counts(), (0, 0, 0), "left in the graph");
    };
    shuttle::check_random(scenario, ORDERS);
    shuttle::check_pct(scenario, ORDERS, 3);
}

/// Runs these at the same time, to their ends.
fn together(threads: Vec<Box<dyn FnOnce() + Send>>) {
    let threads: Vec<_> = threads.into_iter().map(thread::spawn).collect();
    for thread in threads {
        assert!(thread.join().is_ok());
    }
}

/// What an effect has seen last.
type Last<T> = Arc<Mutex<T>>;

fn last<T: Clone>(last: &Last<T>) -> T {
    match last.lock() {
        Ok(last) => last.clone(),
        Err(poisoned) => poisoned.into_inner().clone(),
    }
}

fn watch<T: Clone + Default + Send + 'static>(read: impl Fn() -> T + Send + 'static) -> (Effect, Last<T>) {
    let seen: Last<T> = Arc::default();
    let last = Arc::clone(&seen);
    let effect = Effect::new(move || {
        let value = read();
        if let Ok(mut last) = last.lock() {
            *last = value;
        }
    });
    (effect, seen)
}

#[test]
fn readers_never_see_half_a_batch_in_any_order() {
    in_many_orders(|| {
        let (a, b) = (Signal::new(0), Signal::new(0));
        let sum = {
            let (a, b) = (a.clone(), b.clone());
            Computed::new(move || a.get() + b.get())
        };
        let double = {
            let (sum, a) = (sum.clone(), a.clone());
            Computed::new(move || (sum.get(), a.get()))
        };
        let write = |value: i32| -> Box<dyn FnOnce() + Send> {
            let (a, b) = (a.clone(), b.clone());
            Box::new(move || {
                batch(|| {
                    a.set(value);
                    b.set(-value);
                });
            })
        };
        let read = {
            let (sum, double) = (sum.clone(), double.clone());
            Box::new(move || {
                assert_eq!(sum.get(), 0);
                assert_eq!(double.get().0, 0);
                assert_eq!(sum.get(), 0);
            })
        };
        together(vec![write(1), write(2), read]);
        assert_eq!(sum.get(), 0);
    });
}

#[test]
fn an_effect_has_seen_what_is_so_in_the_end_in_any_order() {
    in_many_orders(|| {
        let source = Signal::new(0);
        let parity = {
            let source = source.clone();
            Computed::new(move || source.get() % 2)
        };
        let (effect, seen) = watch({
            let (source, parity) = (source.clone(), parity.clone());
            move || (source.get(), parity.get())
        });
        let set = |value: i32| -> Box<dyn FnOnce() + Send> {
            let source = source.clone();
            Box::new(move || source.set(value))
        };
        together(vec![set(1), set(2), set(3)]);
        assert_eq!(last(&seen), (source.get(), source.get() % 2));
        drop(effect);
    });
}

#[test]
fn an_effect_that_is_found_unchanged_while_others_write_misses_nothing_in_any_order() {
    in_many_orders(|| {
        let source = Signal::new(0);
        let parity = {
            let source = source.clone();
            Computed::new(move || source.get() % 2)
        };
        let (effect, seen) = watch(move || parity.get());
        let set = |value: i32| -> Box<dyn FnOnce() + Send> {
            let source = source.clone();
            Box::new(move || source.set(value))
        };
        together(vec![set(2), set(3)]);
        assert_eq!(last(&seen), source.get() % 2);
        drop(effect);
    });
}

#[test]
fn a_computed_that_is_found_unchanged_while_others_write_is_looked_at_again_in_any_order() {
    in_many_orders(|| {
        let (a, b) = (Signal::new(0), Signal::new(0));
        let first = {
            let a = a.clone();
            Computed::new(move || a.get())
        };
        let rough = {
            let b = b.clone();
            Computed::new(move || b.get() / 10)
        };
        let both = Computed::new(move || (first.get(), rough.get()));
        assert_eq!(both.get(), (0, 0));
        let (here, read) = (b.clone(), both.clone());
        together(vec![
            Box::new(move || {
                here.set(1);
                let _ = read.get();
            }),
            Box::new(move || a.set(1)),
        ]);
        assert_eq!(both.get(), (1, 0));
    });
}

#[test]
fn an_effect_with_changing_dependencies_misses_nothing_in_any_order() {
    in_many_orders(|| {
        let (is_first, first, second) = (Signal::new(true), Signal::new(1), Signal::new(2));
        let shown = {
            let (is_first, first, second) = (is_first.clone(), first.clone(), second.clone());
            Computed::new(move || if is_first.get() { first.get() } else { second.get() })
        };
        let (effect, seen) = watch({
            let shown = shown.clone();
            move || shown.get()
        });
        let (flip, one, two) = (is_first.clone(), first.clone(), second.clone());
        together(vec![
            Box::new(move || flip.set(false)),
            Box::new(move || one.set(10)),
            Box::new(move || {
                two.set(20);
                two.set(30);
            }),
        ]);
        assert_eq!((last(&seen), shown.get()), (30, 30));
        drop(effect);
    });
}

#[test]
fn an_effect_made_in_a_batch_while_others_write_misses_nothing_in_any_order() {
    in_many_orders(|| {
        let (a, b) = (Signal::new(0), Signal::new(0));
        let sum = {
            let (a, b) = (a.clone(), b.clone());
            Computed::new(move || a.get() + b.get())
        };
        let kept = Arc::new(Mutex::new(None));
        let (here, there) = (a.clone(), b.clone());
        let (made, read) = (Arc::clone(&kept), sum.clone());
        together(vec![
            Box::new(move || {
                let watching = batch(|| {
                    here.set(1);
                    let watching = watch({
                        let read = read.clone();
                        move || read.get()
                    });
                    assert!(read.get() == 1 || read.get() == 11);
                    here.set(2);
                    watching
                });
                if let Ok(mut made) = made.lock() {
                    *made = Some(watching);
                }
            }),
            Box::new(move || there.set(10)),
        ]);
        let watching = kept.lock().map(|mut kept| kept.take()).unwrap_or_default();
        assert_eq!(watching.map(|(_effect, seen)| last(&seen)), Some(12));
        assert_eq!(sum.get(), 12);
    });
}

#[test]
fn a_batch_may_wait_for_a_thread_that_writes_in_any_order() {
    in_many_orders(|| {
        let source = Signal::new(0);
        let (effect, seen) = watch({
            let source = source.clone();
            move || source.get()
        });
        let (here, there, elsewhere) = (source.clone(), source.clone(), source.clone());
        together(vec![
            Box::new(move || {
                batch(|| {
                    here.set(1);
                    together(vec![Box::new(move || there.set(2))]);
                });
            }),
            Box::new(move || elsewhere.set(3)),
        ]);
        assert!([1, 3].contains(&source.get()));
        assert_eq!(last(&seen), source.get());
        drop(effect);
    });
}

#[test]
fn no_update_is_lost_in_any_order() {
    in_many_orders(|| {
        let count = Signal::new(0);
        let add = || -> Box<dyn FnOnce() + Send> {
            let count = count.clone();
            Box::new(move || count.update(|count| *count += 1))
        };
        together(vec![add(), add(), add()]);
        assert_eq!(count.get(), 3);
    });
}

#[test]
fn an_effect_stopped_while_it_is_due_is_cleaned_up_once_in_any_order() {
    in_many_orders(|| {
        let source = Signal::new(0);
        let ended: Last<Vec<i32>> = Arc::default();
        let copies: Vec<_> = (0..3)
            .map(|_| {
                let source = source.clone();
                Computed::new(move || source.get())
            })
            .collect();
        let effect = Effect::new({
            let (source, ended) = (source.clone(), Arc::clone(&ended));
            move || {
                let value = copies.iter().map(Computed::get).sum();
                let inner = source.clone();
                Effect::new(move || {
                    inner.get();
                })
                .detach();
                let ended = Arc::clone(&ended);
                on_cleanup(move || {
                    if let Ok(mut ended) = ended.lock() {
                        ended.push(value);
                    }
                });
            }
        });
        let (one, two) = (source.clone(), source.clone());
        together(vec![
            Box::new(move || one.set(1)),
            Box::new(move || effect.stop()),
            Box::new(move || two.set(2)),
        ]);
        let mut ended = last(&ended);
        ended.sort_unstable();
        ended.dedup();
        assert!(ended.first() == Some(&0));
        assert_eq!(counts().2, 0);
    });
}

#[test]
fn nodes_dropped_while_they_are_read_elsewhere_leave_in_any_order() {
    in_many_orders(|| {
        let source = Signal::new(1);
        let middle = {
            let source = source.clone();
            Computed::new(move || source.get() * 2)
        };
        let end = {
            let middle = middle.clone();
            Computed::new(move || middle.get() + 1)
        };
        let (reader, writer) = (end.clone(), source.clone());
        together(vec![
            Box::new(move || assert!([3, 5].contains(&reader.get()))),
            Box::new(move || drop((middle, end))),
            Box::new(move || writer.set(2)),
        ]);
    });
}

#[test]
fn an_invalidation_and_a_write_at_once_lose_no_run_in_any_order() {
    in_many_orders(|| {
        let (source, signal) = (Source::new(), Signal::new(0));
        let data = Arc::new(Mutex::new(0));
        let read = {
            let (source, data) = (source.clone(), Arc::clone(&data));
            Computed::new(move || {
                source.track();
                last(&data)
            })
        };
        let (effect, seen) = watch({
            let (read, signal) = (read.clone(), signal.clone());
            move || (read.get(), signal.get())
        });
        let (to_dispatch, dispatched) = shuttle::sync::mpsc::channel::<Due>();
        let origin = Origin::new();
        let writer = signal.clone();
        together(vec![
            Box::new(move || {
                for value in 1..3 {
                    if let Ok(mut data) = data.lock() {
                        *data = value;
                    }
                    let due = origin.invalidate([&source]);
                    // Read your own writes.
                    assert_eq!(untrack(|| read.get()), value);
                    assert!(to_dispatch.send(due).is_ok());
                }
            }),
            Box::new(move || {
                while let Ok(due) = dispatched.recv() {
                    assert_eq!(due.run().panic, None);
                }
            }),
            Box::new(move || writer.set(5)),
        ]);
        assert_eq!(last(&seen), (2, 5));
        drop(effect);
    });
}

#[test]
fn an_effect_handed_over_while_it_runs_misses_nothing_in_any_order() {
    in_many_orders(|| {
        let (source, signal, origin) = (Source::new(), Signal::new(0), Origin::new());
        let later: Last<Vec<Due>> = Arc::default();
        let collect = Arc::clone(&later);
        origin.set_runner(move |due| {
            if let Ok(mut later) = collect.lock() {
                later.push(due);
            }
        });
        let run_later = {
            let later = Arc::clone(&later);
            move || {
                while let Some(due) = later.lock().ok().and_then(|mut later| later.pop()) {
                    assert_eq!(due.run().panic, None);
                }
            }
        };
        let data = Arc::new(Mutex::new(0));
        let read = {
            let (source, data) = (source.clone(), Arc::clone(&data));
            Computed::new(move || {
                source.track();
                last(&data) / 2
            })
        };
        let made = Arc::new(Mutex::new(None));
        let (keep, seen_signal) = (Arc::clone(&made), signal.clone());
        together(vec![
            // Makes the effect, and so runs it for the first time.
            Box::new(move || {
                let watching = watch(move || (read.get(), seen_signal.get()));
                if let Ok(mut keep) = keep.lock() {
                    *keep = Some(watching);
                }
            }),
            Box::new(move || {
                for value in 1..4 {
                    if let Ok(mut data) = data.lock() {
                        *data = value;
                    }
                    assert_eq!(origin.invalidate([&source]).run().panic, None);
                }
            }),
            Box::new(move || signal.set(5)),
            Box::new(run_later.clone()),
        ]);
        run_later();
        let watching = made.lock().map(|mut made| made.take()).unwrap_or_default();
        assert_eq!(watching.map(|(_effect, seen)| last(&seen)), Some((1, 5)));
    });
}

#[test]
fn what_is_read_while_sources_overtake_it_is_the_newest_in_the_end_in_any_order() {
    in_many_orders(|| {
        let (source, signal, origin) = (Source::new(), Signal::new(0), Origin::new());
        let later: Last<Vec<Due>> = Arc::default();
        let collect = Arc::clone(&later);
        origin.set_runner(move |due| {
            if let Ok(mut later) = collect.lock() {
                later.push(due);
            }
        });
        let data = Arc::new(Mutex::new(0));
        // Each run of it is overtaken, a few times.
        let slow = {
            let (source, data, origin) = (source.clone(), Arc::clone(&data), origin.clone());
            Computed::new(move || {
                source.track();
                let value = last(&data);
                if value < 4 {
                    if let Ok(mut data) = data.lock() {
                        *data += 1;
                    }
                    assert_eq!(origin.invalidate([&source]).run().panic, None);
                }
                value
            })
        };
        let above = {
            let (slow, signal) = (slow.clone(), signal.clone());
            Computed::new(move || (slow.get(), signal.get()))
        };
        let read = above.clone();
        let (effect, seen) = watch(move || read.get());
        let reader = above.clone();
        let run_later = {
            let later = Arc::clone(&later);
            move || {
                while let Some(due) = later.lock().ok().and_then(|mut later| later.pop()) {
                    assert_eq!(due.run().panic, None);
                }
            }
        };
        let (writer, again, outside) = (signal.clone(), Arc::clone(&data), source.clone());
        together(vec![
            Box::new(move || writer.set(5)),
            Box::new(move || {
                let _ = reader.get();
            }),
            Box::new(move || {
                if let Ok(mut data) = again.lock() {
                    *data += 1;
                }
                assert_eq!(origin.invalidate([&outside]).run().panic, None);
            }),
            Box::new(run_later.clone()),
        ]);
        run_later();
        let newest = (last(&data), 5);
        assert_eq!((last(&seen), above.get()), (newest, newest));
        drop(effect);
    });
}

#[test]
fn effects_of_a_due_that_was_dropped_are_due_with_the_next_change() {
    in_many_orders(|| {
        let (source, other, origin) = (Source::new(), Source::new(), Origin::new());
        let runs: Last<usize> = Arc::default();
        let effect = Effect::new({
            let (source, runs) = (source.clone(), Arc::clone(&runs));
            move || {
                source.track();
                if let Ok(mut runs) = runs.lock() {
                    *runs += 1;
                }
            }
        });
        together(vec![
            Box::new({
                let (source, origin) = (source.clone(), origin.clone());
                move || drop(origin.invalidate([&source]))
            }),
            Box::new({
                let origin = origin.clone();
                move || drop(origin.invalidate([&other]).run())
            }),
        ]);
        assert_eq!(last(&runs), 1);
        assert_eq!(origin.invalidate([&source]).run().runs, 1);
        assert_eq!(last(&runs), 2);
        drop(effect);
    });
}

#[test]
fn a_registry_and_its_sources_agree_in_any_order() {
    in_many_orders(|| {
        let entry = Arc::new(Mutex::new(None));
        let source = |entry: &Arc<Mutex<Option<_>>>| {
            let found = entry.lock().ok().and_then(|entry| *entry);
            if let Some(source) = found.and_then(|weak: crate::reactive::WeakSource| weak.upgrade()) {
                return source;
            }
            let registry = Arc::clone(entry);
            let made = Source::new_with_drop_hook(move |gone| {
                if let Ok(mut entry) = registry.lock()
                    && *entry == Some(gone)
                {
                    *entry = None;
                }
            });
            if let Ok(mut entry) = entry.lock() {
                *entry = Some(made.downgrade());
            }
            made
        };
        let user = || -> Box<dyn FnOnce() + Send> {
            let entry = Arc::clone(&entry);
            Box::new(move || {
                let effect = Effect::new(move || source(&entry).track());
                drop(effect);
            })
        };
        together(vec![user(), user()]);
        assert!(entry.lock().is_ok_and(|entry| entry.is_none()));
    });
}
