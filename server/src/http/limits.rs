//! What a server bears before it turns somebody away.

use std::time::Duration;

/// Limits on connections, memory and time. The default is meant for strangers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connections at once. When there is another, the one that has kept the server waiting longest is closed for it,
    /// a live socket last.
    /// On Unix the files that the process may open lower this: the database needs some. Default: 1,000.
    pub connections: usize,
    /// Bytes of memory for the bodies and answers above 64 KiB that are being received and sent, about. A request for
    /// which there is none left is answered 503, unless it is the only one. Default: 256 MiB.
    pub memory: usize,
    /// How long the head of a request may take, on a new connection from its beginning. Default: 10 s.
    pub head: Duration,
    /// How long a connection may be idle after an answer. More than a proxy before this server keeps one, best.
    /// Default: 75 s.
    pub idle: Duration,
    /// How long the body of a request may take. Default: 60 s.
    pub body: Duration,
    /// How long a client may take no byte of its answer, or of a hint. Default: 30 s.
    pub answer: Duration,
    /// How often a live socket is pinged, and asked for again whether its token is good. Default: 30 s.
    pub ping: Duration,
    /// How long the client of a live socket may be silent: not even answer a ping. Default: 60 s.
    pub silence: Duration,
    /// How long a stop waits for what is under way. Default: 10 s.
    pub stop: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 1_000,
            memory: 256 * 1024 * 1024,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_secs(60),
            answer: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            silence: Duration::from_secs(60),
            stop: Duration::from_secs(10),
        }
    }
}

/// Files for the database, at two a reader, and for what else the process opens.
const OTHER_FILES: usize = 256;

impl ServerLimits {
    /// The connections that there may be, so that the process never runs out of files.
    pub(super) fn connections(&self) -> usize {
        let fitting = open_files().map_or(usize::MAX, fitting);
        self.connections.min(fitting).max(1)
    }
}

fn fitting(files: usize) -> usize {
    files - OTHER_FILES.min(files / 2)
}

#[cfg(unix)]
fn open_files() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.and_then(|files| usize::try_from(files).ok())
}

#[cfg(not(unix))]
fn open_files() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_database() {
        assert_eq!((fitting(1_024), fitting(20_000)), (768, 19_744));
        assert_eq!((fitting(256), fitting(1)), (128, 1));
    }
}
