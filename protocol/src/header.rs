//! Names and values of the HTTP headers that the protocol adds. Servers that do not know them ignore them.

/// On every request of an extended client, and on the answer of an extended server to it.
pub const MIZU_SYNC: &str = "mizu-sync";

/// The value of [`MIZU_SYNC`].
pub const MIZU_SYNC_VERSION: &str = "1";

/// What the client knows of the log: [`crate::LogPositions`].
pub const MIZU_LOG: &str = "mizu-log";
