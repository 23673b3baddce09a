//! What the app wants to be told, and what it is told.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mizu_sync_protocol::Cursor;

use super::log::LogLine;
use crate::error::Error;
use crate::model::RejectedMutation;
use crate::sync::Notice;

pub type Callback<T> = Option<Box<dyn Fn(T) + Send + Sync>>;

/// What the app wants to be told.
#[derive(Default)]
pub struct Callbacks {
    pub on_sync: Callback<Cursor>,
    pub on_error: Callback<Error>,
    pub on_online: Callback<()>,
    pub on_offline: Callback<()>,
    pub on_rejected: Callback<RejectedMutation>,
    pub on_token_needed: Callback<()>,
    pub on_log: Callback<LogLine>,
}

/// Calls the app, if it wants to be told. Whether it panicked.
pub fn called<T>(callback: &Callback<T>, argument: T) -> bool {
    let Some(callback) = callback else { return false };
    catch_unwind(AssertUnwindSafe(|| callback(argument))).is_err()
}

/// What waits to be told.
pub enum Told {
    Online,
    Offline,
    Synced(Cursor),
    Error(Box<Error>),
    /// The rejected mutation at this place, if it still is one then.
    Rejected(u64),
    TokenNeeded,
}

impl From<Notice> for Told {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Online => Self::Online,
            Notice::Offline => Self::Offline,
            Notice::Synced(cursor) => Self::Synced(cursor),
            Notice::Error(error) => Self::Error(Box::new(Error::Sync(error))),
            Notice::Rejected(mutation) => Self::Rejected(mutation.seq),
            Notice::TokenNeeded => Self::TokenNeeded,
        }
    }
}

impl Told {
    /// Whether whoever hears of this need not hear of the older one any more.
    pub fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::Online | Self::Offline, Self::Online | Self::Offline)
            | (Self::Synced(_), Self::Synced(_))
            | (Self::TokenNeeded, Self::TokenNeeded) => true,
            (Self::Error(newer), Self::Error(older)) => match (&**newer, &**older) {
                (Error::Sync(newer), Error::Sync(older)) => {
                    mem::discriminant(newer) == mem::discriminant(older)
                }
                (newer, older) => newer == older,
            },
            _ => false,
        }
    }
}
