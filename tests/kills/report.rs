//! What came of it.

use std::fmt;
use std::time::Duration;

use crate::audit::Findings;

/// Processes of one kind that were killed.
#[derive(Clone, Copy, Default)]
pub struct Kills {
    all: u32,
    in_flight: u32,
}

impl Kills {
    pub fn add(&mut self, killed: bool, in_flight: bool) {
        self.all += u32::from(killed);
        self.in_flight += u32::from(killed && in_flight);
    }
}

pub struct Report {
    seed: u64,
    pub cycles: u32,
    /// In flight: lines were read that had no id yet, and others had.
    pub imports: Kills,
    /// In flight: pushes had been answered, and writes were left to push.
    pub syncs: Kills,
    /// In flight: as the sync, which was still running.
    pub servers: Kills,
    pub acknowledged: usize,
    pub findings: Findings,
    pub took: Duration,
}

impl Report {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            cycles: 0,
            imports: Kills::default(),
            syncs: Kills::default(),
            servers: Kills::default(),
            acknowledged: 0,
            findings: Findings::default(),
            took: Duration::ZERO,
        }
    }

    #[cfg(feature = "planted-bugs")]
    pub fn lost(&self) -> usize {
        self.findings.lost.len()
    }

    #[cfg(feature = "planted-bugs")]
    pub fn doubled(&self) -> usize {
        self.findings.doubled.len()
    }

    fn total(&self) -> Kills {
        let kinds = [self.imports, self.syncs, self.servers];
        kinds.iter().fold(Kills::default(), |total, kind| Kills {
            all: total.all + kind.all,
            in_flight: total.in_flight + kind.in_flight,
        })
    }

    /// Whether the promises hold, and the kills were such that this means something.
    pub fn verdict(&self) -> Result<(), String> {
        let Findings { lost, doubled, strange } = &self.findings;
        let total = self.total();
        if let Some(example) = lost.first().or(doubled.first()).or(strange.first()) {
            return Err(format!(
                "{} lost, {} doubled, {} strange; for example {example}",
                lost.len(),
                doubled.len(),
                strange.len()
            ));
        }
        if total.in_flight * 2 < total.all {
            return Err(format!("only {} of {} kills hit work in flight", total.in_flight, total.all));
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = |kills: Kills| format!("{} killed, {} in flight", kills.all, kills.in_flight);
        let total = self.total();
        writeln!(f, "  seed {}, {} cycles in {:.1} s", self.seed, self.cycles, self.took.as_secs_f32())?;
        writeln!(f, "  importing clients: {}", share(self.imports))?;
        writeln!(f, "  syncing clients: {}", share(self.syncs))?;
        writeln!(f, "  servers: {}", share(self.servers))?;
        let percent = 100 * total.in_flight / total.all.max(1);
        writeln!(f, "  in flight: {} of {} kills, {percent} %", total.in_flight, total.all)?;
        let Findings { lost, doubled, strange } = &self.findings;
        write!(
            f,
            "  {} writes acknowledged: {} lost, {} doubled, {} strange",
            self.acknowledged,
            lost.len(),
            doubled.len(),
            strange.len()
        )
    }
}
