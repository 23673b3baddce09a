//! A todo list on the command line that works offline: every command but `sync` and `watch` stays on this machine.
//!
//! `cargo run --example todo -- --help` lists the commands. Exit codes: 0 done, 1 failed and why on stderr,
//! 2 wrong usage.
//!
//! # Idea
//! Each command opens the file, does one thing with the SDK, and ends. What a command has printed is on disk:
//! the process may be killed at any moment. Whoever reads the output may go away at any moment too, which ends
//! the program without a word. What other people wrote is shown so that it cannot control the terminal.

mod arguments;
mod decisions;
mod failure;
mod import;
mod list;
mod open;
mod output;
mod shown;
mod sync;
mod todos;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::failure::Result;
use crate::output::Output;

fn main() -> ExitCode {
    let Err(failure) = run(Arguments::parse()) else { return ExitCode::SUCCESS };
    if let Some(reason) = failure.reason() {
        output::tell(reason);
    }
    failure.exit_code()
}

fn run(arguments: Arguments) -> Result {
    let client = open::open(&arguments)?;
    let mut output = Output::new();
    match arguments.command {
        Command::Add { title, id } => todos::add(&client, &mut output, title, id),
        Command::List { json } => list::list(&client, &mut output, json),
        Command::Watch { json } => watch::watch(&client, &mut output, json),
        Command::Done { id } => todos::done(&client, &id),
        Command::Edit { id, title } => todos::edit(&client, &id, title),
        Command::Rm { id } => todos::remove(&client, &id),
        Command::Mutate { name, args } => todos::mutate(&client, &mut output, &name, &args),
        Command::Import(options) => import::import(&client, &mut output, &options),
        Command::Sync { timeout } => sync::sync(&client, timeout),
        Command::Status { json } => sync::status(&client, &mut output, json),
        Command::Rejected { json } => decisions::rejected(&client, &mut output, json),
        Command::Retry { id } => decisions::retry(&client, &mut output, &id),
        Command::Discard { id } => decisions::discard(&client, &id),
    }
}
