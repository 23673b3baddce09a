//! Many seeds, on all cores. What comes of a seed does not depend on the others, nor on their number.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::fault::FaultCounts;
use crate::seed::{self, Verdict};
use crate::trace::Fnv;
use crate::violation::{Check, Violation};
use crate::world::Awake;

/// Seeds after which a line tells how far it is.
const LINE_EVERY: u64 = 500;

/// What to run.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The seeds.
    pub seeds: Range<u64>,
    /// Of so many seeds one is run twice, to see that it runs the same; never, if 0.
    pub rerun_every: u64,
    /// The known bug that is awake.
    pub awake: Awake,
    /// Whether to end with the first failure.
    pub first_failure: bool,
    /// Whether to tell how far it is.
    pub tell: bool,
    /// How many run at once.
    pub threads: usize,
}

/// What came of it.
pub struct Report {
    /// How many seeds were run.
    pub seeds: u64,
    /// How many of them twice.
    pub reruns: u64,
    /// The hash over all traces.
    pub hash: u64,
    /// How often each fault happened.
    pub faults: FaultCounts,
    /// The seeds that failed, in order.
    pub failed: Vec<Verdict>,
    /// How long it took.
    pub took: Duration,
}

impl Fleet {
    /// Runs the seeds.
    ///
    /// # Errors
    /// When there is no place for the files.
    pub fn run(&self) -> io::Result<Report> {
        let begin = Instant::now();
        let next = AtomicU64::new(self.seeds.start);
        // No seed from here on is begun any more.
        let end = AtomicU64::new(self.seeds.end);
        let directories: Vec<TempDir> =
            (0..self.threads.max(1)).map(|_| directory()).collect::<io::Result<_>>()?;
        let mut report = Report {
            seeds: 0,
            reruns: 0,
            hash: 0,
            faults: FaultCounts::new(),
            failed: Vec::new(),
            took: Duration::ZERO,
        };
        thread::scope(|scope| {
            let (sender, verdicts) = mpsc::channel();
            for directory in &directories {
                let (sender, next, end) = (sender.clone(), &next, &end);
                scope.spawn(move || {
                    loop {
                        let seed = next.fetch_add(1, Ordering::SeqCst);
                        if seed >= end.load(Ordering::SeqCst) {
                            return;
                        }
                        let (verdict, rerun) = self.run_one(seed, directory);
                        if self.first_failure && verdict.failure.is_some() {
                            end.fetch_min(seed, Ordering::SeqCst);
                        }
                        if sender.send((verdict, rerun)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (verdict, rerun) in verdicts {
                report.add(verdict, rerun);
                if self.tell && report.seeds.is_multiple_of(LINE_EVERY) {
                    let rate = report.seeds as f64 / begin.elapsed().as_secs_f64();
                    println!("{} seeds, {} failed, {rate:.0} a second", report.seeds, report.failed.len());
                }
            }
        });
        report.failed.sort_by_key(|verdict| verdict.seed);
        report.took = begin.elapsed();
        Ok(report)
    }

    /// Runs a seed, and every so often once more.
    fn run_one(&self, seed: u64, directory: &TempDir) -> (Verdict, bool) {
        let mut verdict = seed::run(seed, directory.path(), self.awake, false);
        let rerun = self.rerun_every > 0 && seed.is_multiple_of(self.rerun_every);
        if rerun {
            let again = seed::run(seed, directory.path(), self.awake, false);
            if again.hash != verdict.hash && verdict.failure.is_none() {
                let detail = format!("the trace was {:016x}, and then {:016x}", verdict.hash, again.hash);
                verdict.failure = Some((Violation::new(Check::Repeats, detail), Vec::new()));
            }
        }
        (verdict, rerun)
    }
}

impl Report {
    fn add(&mut self, verdict: Verdict, rerun: bool) {
        self.seeds += 1;
        self.reruns += u64::from(rerun);
        self.faults.add(&verdict.faults);
        // A sum, because the seeds end in any order.
        let mut hash = Fnv::new();
        hash.add(&verdict.seed.to_le_bytes());
        hash.add(&verdict.hash.to_le_bytes());
        self.hash = self.hash.wrapping_add(hash.0);
        if verdict.failure.is_some() {
            self.failed.push(verdict);
        }
    }
}

/// In memory where the system has a place for that: the files are many and live for milliseconds.
fn directory() -> io::Result<TempDir> {
    let builder = |place: &str| tempfile::Builder::new().prefix("simulator-").tempdir_in(place);
    builder("/dev/shm").or_else(|_| tempfile::Builder::new().prefix("simulator-").tempdir())
}
