//! Real processes for tests: the programs of this workspace, built once, and a server of them.

#![allow(dead_code, reason = "each test uses some of it")]

pub mod programs;
pub mod server;
