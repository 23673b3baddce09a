//! Runs seeds of the simulator and reports what they found.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use clap::Parser;
use mizu_sync_simulator::Awake;
use mizu_sync_simulator::fault::Fault;
use mizu_sync_simulator::fleet::{Fleet, Report};
use mizu_sync_simulator::seed::{self, Verdict};

/// Lines of the trace that are shown of a seed that failed.
const SHOWN_LINES: usize = 40;
/// Seeds that failed whose traces are shown.
const SHOWN_FAILURES: usize = 3;
/// In a run of so many seeds each fault must have happened.
const EVERY_FAULT_FROM: u64 = 1_000;

/// Runs the whole system, three clients and a server, from seeds.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// How many seeds to run
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    from: u64,
    /// Run this seed alone, and print all that happens
    #[arg(long)]
    seed: Option<u64>,
    /// Of so many seeds one is run twice, to see that it runs the same; 0: never
    #[arg(long, default_value_t = 100, value_name = "SEEDS")]
    rerun_every: u64,
    /// How many seeds run at once; one a core, if not given
    #[arg(long)]
    threads: Option<usize>,
    /// Wake a known bug
    #[cfg(feature = "planted-bugs")]
    #[arg(long, value_name = "NAME")]
    bug: Option<String>,
    /// Wake one known bug after the other, each until it is caught or so many seeds are run
    #[cfg(feature = "planted-bugs")]
    #[arg(long, conflicts_with_all = ["bug", "seed"])]
    all_bugs: bool,
}

impl Arguments {
    fn range(&self) -> Range<u64> {
        self.from..self.from.saturating_add(self.seeds)
    }

    fn threads(&self) -> usize {
        self.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
    }

    #[cfg(feature = "planted-bugs")]
    fn awake(&self) -> Result<Awake, String> {
        let Some(name) = &self.bug else { return Ok(Awake::default()) };
        mizu_sync_simulator::bugs::named(name).ok_or_else(|| format!("there is no bug {name:?}"))
    }

    #[cfg(not(feature = "planted-bugs"))]
    fn awake(&self) -> Result<Awake, String> {
        Ok(Awake::default())
    }

    /// What else has to be said to run the same again.
    #[cfg(feature = "planted-bugs")]
    fn again(&self) -> String {
        self.bug.as_ref().map_or_else(String::new, |name| format!(" --bug {name}"))
    }

    #[cfg(not(feature = "planted-bugs"))]
    fn again(&self) -> String {
        String::new()
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What panics is reported with its seed; the panic's own words would only stand between.
    std::panic::set_hook(Box::new(|_| {}));
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool, String> {
    let awake = arguments.awake()?;
    #[cfg(feature = "planted-bugs")]
    if arguments.all_bugs {
        return hunt(arguments).map_err(|error| error.to_string());
    }
    if let Some(seed) = arguments.seed {
        return run_one(seed, awake, arguments).map_err(|error| error.to_string());
    }
    let fleet = Fleet {
        seeds: arguments.range(),
        rerun_every: arguments.rerun_every,
        awake,
        first_failure: false,
        tell: true,
        threads: arguments.threads(),
    };
    let report = fleet.run().map_err(|error| format!("no place for the files: {error}"))?;
    Ok(print_report(&report, arguments))
}

fn run_one(seed: u64, awake: Awake, arguments: &Arguments) -> io::Result<bool> {
    let directory = tempfile::tempdir()?;
    let verdict = seed::run(seed, Path::new(directory.path()), awake, true);
    println!("trace {:016x}", verdict.hash);
    let well = verdict.failure.is_none();
    if !well {
        print_failure(&verdict, 0, arguments);
    }
    println!("simulator: {} passed, {} failed", u8::from(well), u8::from(!well));
    Ok(well)
}

fn print_report(report: &Report, arguments: &Arguments) -> bool {
    for (number, verdict) in report.failed.iter().enumerate() {
        print_failure(verdict, if number < SHOWN_FAILURES { SHOWN_LINES } else { 0 }, arguments);
    }
    println!();
    for (fault, name) in Fault::ALL {
        println!("{:>9}  {name}", report.faults.of(fault));
    }
    let missing = Fault::ALL.into_iter().filter(|(fault, _)| report.faults.of(*fault) == 0);
    let missing: Vec<&str> = missing.map(|(_, name)| name).collect();
    let incomplete = report.seeds >= EVERY_FAULT_FROM && !missing.is_empty();
    if incomplete {
        println!("\nnever happened: {}", missing.join(", "));
    }
    let (seeds, took) = (report.seeds, report.took.as_secs_f64());
    println!("\n{seeds} seeds in {took:.1} s: {:.0} a second", seeds as f64 / took);
    println!("{} of them ran twice; all traces {:016x}", report.reruns, report.hash);
    let failed = report.failed.len() as u64;
    println!("simulator: {} passed, {failed} failed", seeds - failed);
    failed == 0 && !incomplete
}

fn print_failure(verdict: &Verdict, lines: usize, arguments: &Arguments) {
    let Some((violation, trace)) = &verdict.failure else { return };
    for line in &trace[trace.len().saturating_sub(lines)..] {
        println!("    {line}");
    }
    let (seed, again) = (verdict.seed, arguments.again());
    println!("seed {seed}: {violation}\n    again: simulator --seed {seed}{again}");
}

/// Wakes each known bug until it is caught.
#[cfg(feature = "planted-bugs")]
fn hunt(arguments: &Arguments) -> io::Result<bool> {
    println!("| bug | caught by | after seeds |\n|---|---|---|");
    let mut caught_all = true;
    for (name, awake) in mizu_sync_simulator::bugs::all() {
        let fleet = Fleet {
            seeds: arguments.range(),
            rerun_every: 0,
            awake,
            first_failure: true,
            tell: false,
            threads: arguments.threads(),
        };
        let report = fleet.run()?;
        let caught =
            report.failed.first().and_then(|verdict| Some((verdict.seed, verdict.failure.as_ref()?)));
        match caught {
            Some((seed, (violation, _))) => {
                println!("| {name} | {} | {} |", violation.check.name(), seed - arguments.from + 1);
            }
            None => {
                caught_all = false;
                println!("| {name} | nothing | {} |", report.seeds);
            }
        }
    }
    Ok(caught_all)
}
