//! The whole system, three clients and a server, from one seed.
//!
//! # Idea
//! A seed decides everything that happens: what the apps do, how the network behaves, who dies when. All of it
//! runs on one thread under a virtual clock, so a seed gives the same run every time, to the byte, and eight
//! hours of sleep cost nothing. What runs is the shipped code: the sync engine, the store on a real SQLite file,
//! the reading and writing of the wire, the server's service on its own file. Only sockets, threads and clocks
//! are replaced.
//!
//! While a world runs, what the apps see is checked after every step; at its end everything is healed, and what
//! was promised must come true in time. See `docs/simulator.md` for what is simulated and what is not.
//!
//! # Limits
//! Commits are not cut in half: SQLite's own promise is taken for granted here, and tested elsewhere.

mod act;
mod backend;
#[cfg(feature = "planted-bugs")]
pub mod bugs;
mod device;
mod drive;
pub mod fault;
mod finale;
pub mod fleet;
mod history;
mod ledger;
mod mischief;
mod mutator;
mod network;
mod observer;
mod plain;
mod plan;
mod schedule;
pub mod seed;
mod sockets;
mod tokens;
mod trace;
mod traffic;
mod view;
pub mod violation;
mod words;
mod world;

pub use world::Awake;
