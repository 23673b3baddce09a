//! One seed, from an empty directory to a verdict.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::fault::FaultCounts;
use crate::violation::{Check, Violation};
use crate::world::{Awake, World};

/// What came of a seed.
pub struct Verdict {
    /// The seed.
    pub seed: u64,
    /// The hash of its trace.
    pub hash: u64,
    /// How often things went wrong in it.
    pub faults: FaultCounts,
    /// What did not hold, and the last lines of the trace; none where all is well.
    pub failure: Option<(Violation, Vec<String>)>,
}

/// Runs a seed, with its files in `directory`, which is emptied first.
#[must_use]
pub fn run(seed: u64, directory: &Path, awake: Awake, verbose: bool) -> Verdict {
    let mut world = None;
    let result = catch_unwind(AssertUnwindSafe(|| {
        empty(directory).map_err(|error| Violation::unsound("the directory for the files", error))?;
        world.insert(World::new(seed, directory, awake, verbose)?).run()
    }));
    let result = result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
        Err(Violation::new(Check::Sound, format!("a panic: {text}")))
    });
    let (faults, hash, lines) = match world {
        Some(World { faults, trace, .. }) => (faults, trace.hash(), trace.into_lines()),
        None => (FaultCounts::new(), 0, Vec::new()),
    };
    Verdict { seed, hash, faults, failure: result.err().map(|violation| (violation, lines)) }
}

fn empty(directory: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        std::fs::remove_file(entry?.path())?;
    }
    Ok(())
}
