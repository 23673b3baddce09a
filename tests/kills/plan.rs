//! What a cycle will do: drawn from the seed before anything runs.

use std::time::Duration;

use fastrand::Rng;

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    /// So long after its start, whatever it is doing.
    Anywhere(Duration),
    /// So long after it has made this many steps: ids that it has printed, pushes that were answered.
    Working { steps: usize, then: Duration },
}

/// Which of two goes first.
#[derive(Clone, Copy, Debug)]
pub struct ServerKill {
    pub before_client: bool,
    /// How much later the other one goes.
    pub apart: Duration,
}

/// How lines are given to `todo import`.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    pub lines: usize,
    /// Lines that are written at once.
    pub chunk: usize,
    /// What lies between two chunks.
    pub pause: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub feed: Feed,
    pub import: Moment,
    pub sync: Moment,
    pub server: Option<ServerKill>,
}

impl Plan {
    pub fn draw(rng: &mut Rng, cycle: u32) -> Self {
        let (feed, then) = match rng.u8(..5) {
            // All at once: large batches.
            0 => (Feed { lines: rng.usize(1_000..3_000), chunk: 3_000, pause: Duration::ZERO }, 2_000),
            // About as fast as the disk: the next batch gathers while one is written.
            1 | 2 => {
                let (lines, chunk) = (rng.usize(500..1_500), rng.usize(20..80));
                (Feed { lines, chunk, pause: micros(rng, 300) }, 4_000)
            }
            // A trickle: a commit every few lines.
            _ => {
                let (lines, chunk) = (rng.usize(200..500), rng.usize(1..8));
                (Feed { lines, chunk, pause: micros(rng, 300) }, 8_000)
            }
        };
        // One in ten hits the start of the process, where the file is opened and recovered.
        let anywhere = |rng: &mut Rng| rng.u8(..10) == 0;
        let import = if anywhere(rng) {
            Moment::Anywhere(micros(rng, 30_000))
        } else {
            Moment::Working { steps: rng.usize(1..=feed.lines / 3), then: micros(rng, then) }
        };
        let sync = if anywhere(rng) {
            Moment::Anywhere(micros(rng, 60_000))
        } else {
            Moment::Working { steps: rng.usize(1..=10), then: micros(rng, 15_000) }
        };
        let server = (cycle % 2 == 1)
            .then(|| ServerKill { before_client: rng.u8(..4) < 3, apart: micros(rng, 10_000) });
        Self { feed, import, sync, server }
    }
}

fn micros(rng: &mut Rng, most: u64) -> Duration {
    Duration::from_micros(rng.u64(..most))
}
