//! What a server was asked. Tests wait for that, not for time.

use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use thiserror::Error;

use super::http::Received;
use super::lock;

/// What a test waited for did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("waited for {} s in vain: the server was asked {seen}", .after.as_secs_f32())]
pub struct Waited {
    /// How long it waited.
    pub after: Duration,
    /// What the server was asked until then, in short.
    pub seen: String,
}

/// All requests, in the order in which they were answered or left hanging.
#[derive(Clone, Default)]
pub struct Requests(Arc<Inner>);

#[derive(Default)]
struct Inner {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Received>,
    /// Counts what has happened, requests and else.
    events: u64,
}

impl Requests {
    /// Adds one. To be called when what it does is done, and before its answer.
    pub fn add(&self, request: Received) {
        lock(&self.0.seen).requests.push(request);
        self.wake();
    }

    /// Something else has happened that somebody may wait for.
    pub fn wake(&self) {
        lock(&self.0.seen).events += 1;
        self.0.changed.notify_all();
    }

    pub fn all(&self) -> Vec<Received> {
        lock(&self.0.seen).requests.clone()
    }

    /// Waits until `enough`, which is asked whenever something has happened.
    ///
    /// # Errors
    /// When it takes longer than `timeout`.
    pub fn wait(&self, timeout: Duration, enough: impl Fn(&[Received]) -> bool) -> Result<(), Waited> {
        let begun = Instant::now();
        loop {
            // It is the test's own code: no lock is held meanwhile.
            let (seen, events) = {
                let seen = lock(&self.0.seen);
                (seen.requests.clone(), seen.events)
            };
            if enough(&seen) {
                return Ok(());
            }
            let left = timeout.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(Waited { after: timeout, seen: Summary(&seen).to_string() });
            }
            let same = |now: &mut Seen| now.events == events;
            let waited = self.0.changed.wait_timeout_while(lock(&self.0.seen), left, same);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Requests in short: `snapshot 200, pull 200 (3 times), push 503 of todo.create`.
struct Summary<'a>(&'a [Received]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut runs: Vec<(String, usize)> = Vec::new();
        for request in self.0 {
            let text = brief(request);
            match runs.last_mut() {
                Some((last, times)) if *last == text => *times += 1,
                _ => runs.push((text, 1)),
            }
        }
        if runs.is_empty() {
            return f.write_str("nothing");
        }
        for (place, (text, times)) in runs.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { ", " })?;
            f.write_str(text)?;
            if *times > 1 {
                write!(f, " ({times} times)")?;
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Push {
    mutations: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

fn brief(request: &Received) -> String {
    let mut text = request.endpoint().to_owned();
    let _ = match request.answered {
        Some(status) => write!(text, " {status}"),
        None => write!(text, " unanswered"),
    };
    if let Ok(Push { mutations }) = serde_json::from_slice(&request.body) {
        let names: Vec<String> = mutations.into_iter().map(|mutation| mutation.name).collect();
        let _ = write!(text, " of {}", names.join(" "));
    }
    text
}
