//! The transitions.

use std::sync::Arc;

use mizu_sync::{Client, Cursor, Error, StoreError, Unsent};

/// What an app can do to a client as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    Start,
    Stop,
    Pause,
    Resume,
    Seen,
    Hidden,
    Online,
    Offline,
    Token,
    Hint,
    Close,
    /// Refused if there is anything unsent.
    Refuse,
    Lose,
    Drop,
}

impl Transition {
    /// All, in the order of the table's columns.
    pub const ALL: [Self; 14] = [
        Self::Start,
        Self::Stop,
        Self::Pause,
        Self::Resume,
        Self::Seen,
        Self::Hidden,
        Self::Online,
        Self::Offline,
        Self::Token,
        Self::Hint,
        Self::Close,
        Self::Refuse,
        Self::Lose,
        Self::Drop,
    ];

    /// Makes it. The handle goes where it is dropped.
    pub fn make(self, client: &mut Option<Arc<Client>>) -> Result<(), Error> {
        if self == Self::Drop {
            drop(client.take());
            return Ok(());
        }
        let client = client.as_ref().expect("it is made of a client");
        match self {
            Self::Start => client.start(),
            Self::Stop => {
                client.stop();
                Ok(())
            }
            Self::Pause => client.pause(),
            Self::Resume => client.resume(),
            Self::Seen | Self::Hidden => {
                client.set_foreground(self == Self::Seen);
                Ok(())
            }
            Self::Online | Self::Offline => {
                client.set_network(self == Self::Online);
                Ok(())
            }
            Self::Token => client.set_token("another"),
            Self::Hint => {
                client.notify_live(Cursor::new(1_000_000).expect("it is a cursor"));
                Ok(())
            }
            Self::Close => {
                client.close();
                Ok(())
            }
            Self::Refuse => client.wipe(Unsent::Refuse),
            Self::Lose => client.wipe(Unsent::Lose),
            Self::Drop => Ok(()),
        }
    }
}

/// What a transition gives, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Started,
    Paused,
    Closed,
    Unsent,
    Other,
}

impl Outcome {
    pub fn of(result: &Result<(), Error>) -> Self {
        match result {
            Ok(()) => Self::Ok,
            Err(Error::AlreadyStarted) => Self::Started,
            Err(Error::Store(StoreError::Paused)) => Self::Paused,
            Err(Error::Store(StoreError::Closed)) => Self::Closed,
            Err(Error::Unsent { .. }) => Self::Unsent,
            Err(_) => Self::Other,
        }
    }

    pub fn named(name: &str) -> Self {
        match name {
            "ok" => Self::Ok,
            "started" => Self::Started,
            "paused" => Self::Paused,
            "closed" => Self::Closed,
            "unsent" => Self::Unsent,
            name => panic!("no outcome is called {name}"),
        }
    }

    /// # Errors
    /// When the result is another.
    pub fn check(self, result: &Result<(), Error>) -> Result<(), String> {
        if Self::of(result) == self { Ok(()) } else { Err(format!("it gives {result:?}, expected {self:?}")) }
    }
}
