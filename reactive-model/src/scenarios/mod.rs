//! What may go wrong between threads: deadlocks, lost wake-ups, half batches, leaks.

mod lease;
mod recall;
mod signals;
mod sources;

use std::sync::{Arc, Mutex};

use shuttle::thread;

use crate::reactive::{Effect, counts};

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
