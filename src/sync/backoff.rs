//! How long to wait after a failure.

use std::time::Duration;

/// Exponential backoff with full jitter: a random time up to a bound that doubles with each failure. After
/// "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), which measures that full jitter needs the
/// fewest requests until everybody is served.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

/// The bound after the first failure.
const FIRST: Duration = Duration::from_millis(250);
/// The least wait: a jitter of nothing would be a loop without a pause.
const LEAST: Duration = Duration::from_millis(20);

impl Backoff {
    /// How long to wait after one more failure, at most `most`.
    pub fn fail(&mut self, most: Duration, rng: &mut fastrand::Rng) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.failures.min(16)).min(most);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(rng.f64()).max(LEAST)
    }

    /// It went well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_most_and_is_never_nothing() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut backoff = Backoff::default();
        let most = Duration::from_secs(5);
        for attempt in 0..40 {
            let wait = backoff.fail(most, &mut rng);
            let bound = FIRST.saturating_mul(1 << attempt.min(16)).min(most);
            assert!(wait >= LEAST && wait <= bound, "{attempt}: {wait:?}");
        }
        backoff.reset();
        assert!(backoff.fail(most, &mut rng) <= FIRST);
    }
}
