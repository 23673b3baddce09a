//! A hundred thousand nodes in a row on a stack of 512 KiB.

use std::sync::Arc;
use std::thread;

use mizu_sync::reactive::on_cleanup;
use mizu_sync::{Computed, Effect, Signal, batch};

use crate::log::{Counter, own};

const LENGTH: usize = 100_000;

/// Runs on a small stack.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    thread::Builder::new().stack_size(512 * 1024).spawn(work).unwrap().join().unwrap();
}

/// A chain above a signal, each computed read once when it was made: the first read goes through the app's own
/// closures and would need a deep stack.
fn chain(source: &Signal<usize>) -> Computed<usize> {
    let mut last = Computed::new(own!(source => move || source.get()));
    let _ = last.get();
    for _ in 1..LENGTH {
        last = Computed::new(own!(last => move || last.get() + 1));
        let _ = last.get();
    }
    last
}

#[test]
fn a_long_chain_is_updated_and_dropped() {
    on_a_small_stack(|| {
        let source = Signal::new(0);
        let end = chain(&source);
        source.set(5);
        assert_eq!(end.get(), LENGTH + 4);
        batch(|| {
            source.set(7);
            assert_eq!(end.get(), LENGTH + 6);
        });
        assert_eq!(end.get(), LENGTH + 6);
        drop(end);
    });
}

#[test]
fn an_effect_at_the_end_of_a_long_chain_runs() {
    on_a_small_stack(|| {
        let source = Signal::new(0);
        let end = chain(&source);
        let runs = Counter::new();
        let effect = Effect::new(own!(runs => move || {
            end.get();
            runs.add();
        }));
        source.set(1);
        assert_eq!(runs.take(), 2);
        drop(effect);
    });
}

#[test]
fn a_long_chain_that_is_cut_off_at_its_start_is_looked_through() {
    on_a_small_stack(|| {
        let number = Signal::new(0);
        let is_odd = Computed::new(own!(number => move || number.get() % 2));
        let mut last = is_odd;
        for _ in 0..LENGTH {
            last = Computed::new(own!(last => move || last.get()));
            let _ = last.get();
        }
        number.set(2);
        assert_eq!(last.get(), 0);
    });
}

#[test]
fn a_long_chain_of_effects_that_write_for_the_next_runs() {
    on_a_small_stack(|| {
        let signals: Vec<_> = (0..=LENGTH / 10).map(|_| Signal::new(0)).collect();
        let _effects: Vec<_> = signals
            .windows(2)
            .map(|pair| {
                let (from, to) = (pair[0].clone(), pair[1].clone());
                Effect::new(move || to.set(from.get()))
            })
            .collect();
        signals[0].set(9);
        assert_eq!(signals[LENGTH / 10].get(), 9);
    });
}

#[test]
fn values_that_hold_each_other_are_dropped() {
    struct Item(#[allow(dead_code, reason = "it holds the next")] Option<Signal<Arc<Item>>>);
    on_a_small_stack(|| {
        let mut last = Signal::new_with_compare(Arc::new(Item(None)), |_, _| false);
        for _ in 0..LENGTH {
            last = Signal::new_with_compare(Arc::new(Item(Some(last))), |_, _| false);
        }
        drop(last);
    });
}

#[test]
fn effects_nested_a_thousand_deep_end_together() {
    fn nest(depth: usize, ended: &Counter) {
        let ended = ended.clone();
        Effect::new(move || {
            on_cleanup(own!(ended => move || ended.add()));
            if depth > 1 {
                nest(depth - 1, &ended);
            }
        })
        .detach();
    }
    let ended = Counter::new();
    // They are made inside each other, which needs a stack; to end them needs none.
    let make = own!(ended => move || {
        let outer = Effect::new(own!(ended => move || nest(1000, &ended)));
        on_a_small_stack(move || drop(outer));
    });
    thread::Builder::new().stack_size(64 << 20).spawn(make).unwrap().join().unwrap();
    assert_eq!(ended.take(), 1000);
}
