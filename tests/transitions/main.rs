//! Every transition of a client's life from every state, from inside of everything that the client calls, and two at
//! once; how long a stop takes at worst, and what an idle client does.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails there says why")]

mod closures;
mod device;
mod idle;
mod inside;
mod line;
mod pairs;
mod process;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod transition;
