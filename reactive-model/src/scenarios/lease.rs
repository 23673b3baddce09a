//! Values that are kept outside of the graph until they are recalled.

use std::sync::Arc;

use shuttle::sync::Mutex;

use super::{in_many_orders, together, watch};
use crate::reactive::{Computed, Origin, Signal, Source, batch, untrack};

/// What is kept, and how often it was recalled.
#[derive(Clone, Copy, Default)]
struct Kept {
    value: Option<i32>,
    recalls: u32,
}

/// A computed, and whoever keeps its value.
#[derive(Clone)]
struct Keeper {
    kept: Arc<Mutex<Kept>>,
    computed: Computed<i32>,
}

impl Keeper {
    fn new(compute: impl Fn() -> i32 + Send + Sync + 'static) -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let recalled = Arc::clone(&kept);
        let recall = move || {
            if let Ok(mut kept) = recalled.lock() {
                *kept = Kept { value: None, recalls: kept.recalls + 1 };
            }
        };
        Self { kept, computed: Computed::new_with_leases(compute, i32::eq, recall) }
    }

    fn kept(&self) -> Kept {
        self.kept.lock().map(|kept| *kept).unwrap_or_default()
    }

    fn read(&self) -> i32 {
        let before = self.kept();
        if let Some(value) = before.value {
            return value;
        }
        let value = self.computed.lease(|value| *value);
        if let Ok(mut kept) = self.kept.lock()
            && kept.recalls == before.recalls
        {
            kept.value = Some(value);
        }
        value
    }

    /// A thread that makes changes, each of which it must find in what is kept.
    fn changing(&self, change: impl Fn(i32) + Send + 'static) -> Box<dyn FnOnce() + Send> {
        let keeper = self.clone();
        Box::new(move || {
            let mut last = 0;
            for value in 1..=3 {
                change(value);
                let found = keeper.read();
                assert!(found > last, "{found} is not newer than {last}");
                last = found;
            }
        })
    }
}

#[test]
fn whoever_sets_a_signal_finds_it_in_what_is_kept_in_any_order() {
    in_many_orders(|| {
        let signals = [Signal::new(0), Signal::new(0)];
        let of = signals.clone();
        let keeper = Keeper::new(move || of.iter().map(Signal::get).sum());
        let threads = signals.into_iter().map(|signal| keeper.changing(move |value| signal.set(value)));
        together(threads.collect());
        assert_eq!(keeper.read(), 6);
    });
}

#[test]
fn whoever_batches_finds_it_in_what_is_kept_in_any_order() {
    in_many_orders(|| {
        let signals = [Signal::new(0), Signal::new(0)];
        let of = signals.clone();
        let keeper = Keeper::new(move || of.iter().map(Signal::get).sum());
        let threads = signals.into_iter().map(|signal| {
            let within = keeper.clone();
            keeper.changing(move |value| {
                batch(|| {
                    signal.set(value);
                    // Of what nobody else sees yet nothing is kept.
                    within.computed.lease(|_| ());
                });
            })
        });
        together(threads.collect());
        assert_eq!(keeper.read(), 6);
    });
}

#[test]
fn whoever_changes_data_finds_it_in_what_is_kept_in_any_order() {
    in_many_orders(|| {
        let (origin, sources) = (Origin::new(), [Source::new(), Source::new()]);
        let data: Arc<Mutex<[i32; 2]>> = Arc::default();
        let between = {
            let (sources, data) = (sources.clone(), Arc::clone(&data));
            Computed::new(move || {
                sources.iter().for_each(Source::track);
                data.lock().map(|data| data.iter().sum::<i32>()).unwrap_or_default()
            })
        };
        let keeper = Keeper::new(move || between.get());
        let threads = sources.into_iter().enumerate().map(|(which, source)| {
            let (origin, data) = (origin.clone(), Arc::clone(&data));
            keeper.changing(move |value| {
                if let Ok(mut data) = data.lock() {
                    data[which] = value;
                }
                assert!(origin.invalidate([&source]).is_empty());
            })
        });
        together(threads.collect());
        assert_eq!(keeper.read(), 6);
    });
}

#[test]
fn an_effect_that_has_seen_a_change_finds_it_in_what_is_kept_in_any_order() {
    in_many_orders(|| {
        let [read, other] = [Signal::new(0), Signal::new(0)];
        let of = read.clone();
        let keeper = Keeper::new(move || of.get());
        keeper.read();
        let (signals, within) = ([read.clone(), other.clone()], keeper.clone());
        let (effect, _) = watch(move || {
            let [seen, _] = signals.each_ref().map(Signal::get);
            let found = untrack(|| within.read());
            assert!(found >= seen, "{found} is older than {seen}");
        });
        let set = |signal: Signal<i32>| -> Box<dyn FnOnce() + Send> { Box::new(move || signal.set(1)) };
        together(vec![set(read), set(other)]);
        drop(effect);
    });
}
