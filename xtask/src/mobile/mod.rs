//! `cargo xtask mobile-check`: the SDK compiles for phones, shown on a machine that has nothing of theirs.
//!
//! A Rust installation on a desktop lacks two things: the targets' standard library and a C compiler for them (SQLite
//! and the cryptography of TLS are C). Each is used where the machine has it. Otherwise the library is built from its
//! sources (see [`library`]), and Zig compiles the C against the headers of a system that resembles the phone's (see
//! [`c_compiler`]). So it is the Rust that is proved, not the C, and nothing is linked or run.

mod c_compiler;
mod cache;
mod cargo_check;
mod debian;
mod files;
mod library;
mod summary;
mod target;
mod tool;
mod toolchain;
mod zig;

use std::process::ExitCode;
use std::time::Instant;

use crate::paths;
use summary::Outcome;
use target::{TARGETS, Target};
use toolchain::Toolchain;

pub use c_compiler::{COMPILE_C, compile as compile_c};

/// Checks every target, also after one that failed, and sums up.
pub fn check() -> ExitCode {
    let outcomes: Vec<_> = TARGETS.iter().map(outcome).collect();
    print!("{}", summary::text(&outcomes));
    if outcomes.iter().all(Outcome::passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn outcome(target: &'static Target) -> Outcome {
    println!("\n== {}", target.name);
    let start = Instant::now();
    let failure = run(target).err();
    Outcome { target, failure, took: start.elapsed() }
}

/// Finds or makes what the target needs, and checks. The error is one sentence.
fn run(target: &Target) -> Result<(), String> {
    // A folder of its own: the other builds go on beside it, and find their files as they left them.
    let folder = paths::target().join("mobile-check");
    let toolchain = Toolchain::current()?;
    let library = library::find(target, &toolchain)?;
    let compiler = c_compiler::find(target, &folder)?;
    let mut command = cargo_check::command(target, &library, &folder);
    command.envs(compiler);
    let status = command.status().map_err(|error| format!("cargo did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo said why, above ({status})")) }
}
