//! From ureq's errors to ours, and through `std::io::Error` and back.

use std::io::{self, ErrorKind};

use ureq::{Error, Timeout};

use super::{Phase, TransportError};

impl TransportError {
    /// What a failed read of [`Response::body`](super::Response::body) means. The inverse of `io::Error::from`;
    /// an error that did not come from a transport is `Unreachable`.
    #[must_use]
    pub fn from_io(url: &str, error: &io::Error) -> Self {
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Self>())
            .cloned()
            .unwrap_or_else(|| Self::Unreachable { url: url.to_owned(), reason: error.to_string() })
    }

    /// What an error of ureq's means.
    pub(super) fn from_ureq(url: &str, error: Error) -> Self {
        let url = url.to_owned();
        match error {
            Error::Timeout(timeout) => Self::TimedOut { url, phase: timeout.into() },
            Error::Tls(reason) => Self::Tls { url, reason: reason.to_owned() },
            Error::Rustls(error) => Self::Tls { url, reason: tls(error.to_string()) },
            // How rustls passes its errors through a stream. No system call has this kind.
            Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                Self::Tls { url, reason: tls(error.to_string()) }
            }
            Error::Io(error) => Self::Unreachable { url, reason: error.to_string() },
            Error::Protocol(error) => {
                Self::Unreachable { url, reason: format!("the answer is not HTTP: {error}") }
            }
            Error::Decompress(_, error) => {
                Self::Unreachable { url, reason: format!("the answer is damaged: {error}") }
            }
            error => Self::Unreachable { url, reason: error.to_string() },
        }
    }
}

/// For [`Response::body`](super::Response::body), whose reads can fail with nothing else. The kind is never
/// `Interrupted`, which the standard library takes for an invitation to try again.
impl From<TransportError> for io::Error {
    fn from(error: TransportError) -> Self {
        let kind = match error {
            TransportError::Unreachable { .. } => ErrorKind::ConnectionReset,
            TransportError::TimedOut { .. } => ErrorKind::TimedOut,
            TransportError::Tls { .. } => ErrorKind::InvalidData,
            TransportError::Interrupted { .. } => ErrorKind::ConnectionAborted,
        };
        Self::new(kind, error)
    }
}

impl From<Timeout> for Phase {
    fn from(timeout: Timeout) -> Self {
        match timeout {
            Timeout::Resolve => Self::Resolve,
            Timeout::Connect => Self::Connect,
            Timeout::SendRequest | Timeout::SendBody | Timeout::PerWrite => Self::Send,
            Timeout::RecvResponse => Self::Wait,
            Timeout::RecvBody | Timeout::PerRead => Self::Read,
            _ => Self::Whole,
        }
    }
}

/// What rustls says, with what it most likely means: the type of a message is the first thing that it reads.
fn tls(reason: String) -> String {
    if reason.contains("InvalidContentType") {
        return format!("the server does not seem to speak TLS ({reason}); did you mean http://?");
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://example.com/_sync/pull";

    #[test]
    fn every_error_survives_the_way_through_a_reader() {
        let (url, reason) = (URL.to_owned(), "because".to_owned());
        for error in [
            TransportError::Unreachable { url: url.clone(), reason: reason.clone() },
            TransportError::TimedOut { url: url.clone(), phase: Phase::Connect },
            TransportError::Tls { url: url.clone(), reason },
            TransportError::Interrupted { url },
        ] {
            let through = io::Error::from(error.clone());
            assert_ne!(through.kind(), ErrorKind::Interrupted);
            assert_eq!(through.to_string(), error.to_string());
            assert_eq!(TransportError::from_io("another", &through), error);
        }
    }

    #[test]
    fn a_foreign_error_of_a_reader_is_unreachable() {
        let error = TransportError::from_io(URL, &io::Error::other("disk on fire"));
        assert_eq!(error.to_string(), "cannot reach https://example.com/_sync/pull: disk on fire");
    }
}
