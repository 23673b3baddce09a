//! Data outside of the graph that is invalidated.

use std::sync::{Arc, Mutex};

use super::{Last, in_many_orders, last, together, watch};
use crate::reactive::{Computed, Due, Effect, Origin, Signal, Source, untrack};

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
        // Each run of it is overtaken, a few times, as if by a thread that leaves the effects to another one: in a computed
        // none can run.
        let slow = {
            let (source, data, origin) = (source.clone(), Arc::clone(&data), origin.clone());
            let leave = Arc::clone(&later);
            Computed::new(move || {
                source.track();
                let value = last(&data);
                if value < 4 {
                    if let Ok(mut data) = data.lock() {
                        *data += 1;
                    }
                    let due = origin.invalidate([&source]);
                    if let Ok(mut later) = leave.lock() {
                        later.push(due);
                    }
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
