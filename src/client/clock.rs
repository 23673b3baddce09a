//! The clocks of a device.

use std::time::{Duration, SystemTime};

use crate::sync::{Moment, Time};
use crate::time::Timestamp;

/// Now, by both clocks.
pub fn now() -> Time {
    Time { now: monotonic(), wall: wall() }
}

/// The time of day, as the device believes.
pub fn wall() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// Time that never jumps and goes on while the device sleeps, unlike [`std::time::Instant`].
#[cfg(unix)]
fn monotonic() -> Moment {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
    // On Apple's systems this one counts sleep.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;
    let time = rustix::time::clock_gettime(CLOCK);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Where the system has no such clock, sleep is not counted: timers then fire later than they might.
#[cfg(not(unix))]
fn monotonic() -> Moment {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
