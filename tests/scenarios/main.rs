//! The scenarios of this folder in Rust: what README.md says, step by step, against the scripted server and against the
//! server as a process.
//!
//! ```sh
//! cargo test --test scenarios             # all
//! cargo test --test scenarios -- reply    # those whose names have this
//! ```

#![allow(clippy::expect_used, reason = "a test fails by a panic")]

#[path = "../processes/mod.rs"]
mod processes;

mod devices;
mod failure;
mod models;
mod queries;
mod reads;
mod scenario;
mod script;
mod step;
mod watching;
mod world;
mod writes;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use mizu_sync::testing::Server;

use crate::processes::programs;
use crate::processes::server::ServerProcess;
use crate::scenario::{PLACES, Place, Scenario, Suite};
use crate::world::{Served, World};

fn main() -> ExitCode {
    // What the usual test harness is told is no matter here, but for names.
    let (options, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    match Suite::read() {
        Ok(suite) if options.iter().any(|option| option == "--list") => {
            suite.scenarios.iter().for_each(|scenario| println!("{}: test", scenario.name));
            ExitCode::SUCCESS
        }
        Ok(suite) => run(&suite, &names),
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(suite: &Suite, names: &[String]) -> ExitCode {
    let chosen: Vec<&Scenario> = suite
        .scenarios
        .iter()
        .filter(|scenario| names.is_empty() || names.iter().any(|name| scenario.name.contains(name.as_str())))
        .collect();
    let program = programs::server(None);
    let mut counts: BTreeMap<Place, (u32, u32)> = BTreeMap::new();
    for scenario in chosen {
        for &place in scenario.needs.places() {
            let start = Instant::now();
            let result = run_one(scenario, place, &program);
            let seconds = start.elapsed().as_secs_f64();
            let (passed, failed) = counts.entry(place).or_default();
            match result {
                Ok(()) => {
                    *passed += 1;
                    println!("ok      {seconds:5.2} s  {place:?}: {}", scenario.name);
                }
                Err(fault) => {
                    *failed += 1;
                    println!("FAILED  {seconds:5.2} s  {place:?}: {}\n  {fault}", scenario.name);
                }
            }
        }
    }
    let mut is_well = counts.values().all(|(_, failed)| *failed == 0);
    if names.is_empty() {
        print_table(suite);
        let faults = suite.faults().unwrap_or_else(|fault| vec![fault]);
        faults.iter().for_each(|fault| println!("FAILED  {fault}"));
        is_well &= faults.is_empty();
    }
    println!();
    for (place, name) in PLACES {
        if let Some((passed, failed)) = counts.get(&place) {
            println!("{name}: {passed} passed, {failed} failed");
        }
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a scenario in one place.
fn run_one(scenario: &Scenario, place: Place, program: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let process = (place == Place::Process)
        .then(|| ServerProcess::start(program, &folder.path().join("server.db"), &[]));
    let world = World::new(match (&process, place) {
        (Some(process), _) => Served::Process(process.url.clone()),
        (None, Place::Scripted) => Served::Scripted(Server::start()),
        (None, _) => Served::Nothing,
    });
    let result = catch_unwind(AssertUnwindSafe(|| world.run_all(&scenario.steps)));
    world.end();
    result.unwrap_or_else(|_| Err("it panics".to_owned()))
}

/// Which row of the API has how many scenarios, and where they ran.
fn print_table(suite: &Suite) {
    println!("\n{:18} scenarios  alone  scripted  process", "row of the API");
    for (row, counts) in suite.coverage() {
        let at = |place| counts.get(&place).copied().unwrap_or_default();
        let (alone, scripted, process) = (at(Place::Alone), at(Place::Scripted), at(Place::Process));
        println!("{row:18} {:9}  {alone:5}  {scripted:8}  {process:7}", suite.count(row));
    }
    let mut promises: BTreeMap<&str, usize> = BTreeMap::new();
    for promise in suite.scenarios.iter().flat_map(|scenario| &scenario.promises) {
        *promises.entry(promise).or_default() += 1;
    }
    let promises: Vec<String> =
        promises.iter().map(|(promise, count)| format!("{promise} {count}")).collect();
    println!("\nscenarios of promises: {}\n", promises.join(", "));
}
