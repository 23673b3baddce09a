//! How long the random tests go on.

use std::time::{Duration, Instant};

/// The variable of the environment that makes them long: how many seconds each takes.
const SECONDS: &str = "MIZU_REACTIVE_SECONDS";

/// Seeds from 0 on: so many, or as many as fit into the time that was asked for.
pub fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let seconds = std::env::var(SECONDS).ok();
    let time = seconds.map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let began = Instant::now();
    (0..).take_while(move |seed| match time {
        Some(time) => began.elapsed() < time,
        None => *seed < count,
    })
}
