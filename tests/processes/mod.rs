//! Real processes for tests: the programs of this workspace, built once, and a server of them.

pub mod programs;
pub mod server;
