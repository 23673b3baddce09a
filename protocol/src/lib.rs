//! What a Mizu Sync client and server say to each other: the wire's types, limits and codes. No I/O.
//!
//! The protocol is three `POST` requests with JSON bodies, relative to a base URL such as
//! `https://api.example.com/_sync`: [`push`] sends mutations, [`pull`] asks for changes after a cursor,
//! [`snapshot`] asks for everything. Two dialects of it are in use, see [`Wire`].
//!
//! ```
//! use mizu_sync_protocol::{Code, Cursor, LogPosition, Tag};
//!
//! let position = LogPosition { cursor: Cursor::new(17).unwrap(), tag: Tag::new("90c1").unwrap() };
//! assert_eq!(position.to_string(), "17:90c1");
//! assert!(Code::Conflict.is_permanent());
//! ```

mod code;
mod cursor;
mod fields;
pub mod generic;
pub mod header;
pub mod json;
pub mod limits;
pub mod live;
pub mod pull;
pub mod push;
pub mod snapshot;

pub use code::{Code, ErrorBody};
pub use cursor::{Cursor, LogPosition, LogPositions, Tag};
pub use fields::Fields;

/// The two forms of the protocol that a server may speak.
///
/// A server of this project answers a request that carries [`header::MIZU_SYNC`] with the same header and
/// takes the extended form. Others (go-mizu's server) ignore the header, refuse body fields that they do
/// not know, and are spoken to in the plain form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// Only the body fields that go-mizu's server knows.
    Plain,
    /// All fields, tags, paged snapshots, `.patch` mutations, ordered pushes that stop at a temporary failure.
    Extended,
}

impl Wire {
    /// The name under which a store remembers it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Extended => "extended",
        }
    }

    /// The inverse of [`Wire::as_str`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "plain" => Some(Self::Plain),
            "extended" => Some(Self::Extended),
            _ => None,
        }
    }
}
