//! The example app `todo`, as its user meets it: the real program, a real server process.

#[path = "../processes/mod.rs"]
mod processes;

mod cli;
mod commands;
mod import;
mod syncing;
mod usage;
