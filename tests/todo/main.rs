//! The example app `todo`, as its user meets it: the real program, a real server process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic")]

#[path = "../processes/mod.rs"]
mod processes;

mod cli;
mod commands;
mod import;
mod syncing;
mod usage;
mod watching;
