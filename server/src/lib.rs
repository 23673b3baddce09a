//! The reference server of the Mizu sync protocol, with SQLite inside.
