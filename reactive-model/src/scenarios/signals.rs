//! Signals, batches, and who observes them.

use std::sync::{Arc, Mutex};

use super::{Last, in_many_orders, last, together, watch};
use crate::reactive::{Computed, Effect, Signal, batch, counts, on_cleanup};

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
