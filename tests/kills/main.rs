//! Kills real processes at random and counts, in the server's own tables, what became of every write.
//!
//! ```sh
//! cargo test --test kills                                     # 200 cycles
//! cargo test --test kills -- --cycles 2000 --seed 7           # more of them, of this seed
//! cargo test --test kills --features planted-bugs -- --planted    # that it would find a bug
//! ```
//!
//! # Idea
//! Each cycle ends an importing and a syncing `todo` by SIGKILL, and in every other one the server too, at moments
//! that a seed chooses; most of them are bound to what the process has just said, so that they hit work in
//! flight. A write counts as acknowledged when `todo import` has printed its id. At the end all is brought into
//! sync and nothing acknowledged may be missing, and nothing there twice.
//!
//! # Limits
//! A seed fixes the plan, not the run: processes take the time they take. The death of a process is no power
//! cut: what it had written reaches the disk.

#![allow(clippy::expect_used, reason = "a test fails by a panic")]

#[path = "../processes/mod.rs"]
mod processes;

mod arguments;
mod audit;
mod campaign;
mod cycle;
mod device;
mod ledger;
mod plan;
mod report;
mod victim;

use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::campaign::{Campaign, run};
use crate::processes::programs::Programs;

/// A test: its name, whether it is about a planted bug, and what it does; an error says why it failed.
type Test = (&'static str, bool, fn(&Arguments) -> Result<(), String>);

const TESTS: &[Test] = &[
    ("nothing_acknowledged_is_lost_or_doubled_by_kills", false, nothing_is_lost),
    #[cfg(feature = "planted-bugs")]
    ("an_id_that_is_printed_before_its_commit_is_found", true, an_early_id_is_found),
    #[cfg(feature = "planted-bugs")]
    ("an_outcome_in_a_second_transaction_is_found", true, a_late_outcome_is_found),
];

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(reason) => {
            eprintln!("{reason}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let chosen: Vec<&Test> =
        TESTS.iter().filter(|(name, planted, _)| arguments.chooses(name, *planted)).collect();
    if arguments.list {
        for (name, ..) in chosen {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let mut failed = 0;
    for (name, _, test) in &chosen {
        println!("test {name} ...");
        match test(&arguments) {
            Ok(()) => println!("test {name} ... ok"),
            Err(reason) => {
                failed += 1;
                println!("test {name} ... FAILED\n  {reason}");
            }
        }
    }
    println!("\n{} passed, {failed} failed", chosen.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn nothing_is_lost(arguments: &Arguments) -> Result<(), String> {
    let programs = Programs::build(None);
    let report = run(&Campaign {
        cycles: arguments.cycles.unwrap_or(200),
        seed: arguments.seed(),
        import_arguments: &[],
        server_arguments: &[],
        programs: &programs,
    })?;
    println!("{report}");
    report.verdict()
}

/// The kill test must turn red, for the reason that is looked for.
#[cfg(feature = "planted-bugs")]
fn an_early_id_is_found(arguments: &Arguments) -> Result<(), String> {
    let report = run_planted(arguments, &["--planted-bug", "id-before-commit"], &[])?;
    if report.verdict().is_ok() || report.lost() == 0 {
        return Err("ids were printed before their commits, and no loss was found".to_owned());
    }
    Ok(())
}

#[cfg(feature = "planted-bugs")]
fn a_late_outcome_is_found(arguments: &Arguments) -> Result<(), String> {
    let report = run_planted(arguments, &[], &["--planted-bug", "outcome-in-second-transaction"])?;
    if report.verdict().is_ok() || report.doubled() == 0 {
        return Err("outcomes were stored after their effects, and nothing doubled was found".to_owned());
    }
    Ok(())
}

#[cfg(feature = "planted-bugs")]
fn run_planted(
    arguments: &Arguments,
    import_arguments: &[&str],
    server_arguments: &[&str],
) -> Result<report::Report, String> {
    let programs = Programs::build(Some("planted-bugs"));
    let report = run(&Campaign {
        cycles: arguments.cycles.unwrap_or(60),
        seed: arguments.seed(),
        import_arguments,
        server_arguments,
        programs: &programs,
    })?;
    println!("{report}");
    if let Err(reason) = report.verdict() {
        println!("  as it should be: {reason}");
    }
    Ok(report)
}
