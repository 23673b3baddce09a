//! The connection under a live socket, made by the same parts as those of the requests: the same addresses, the same
//! limits, the same certificates.

use std::sync::Arc;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::RootCerts;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::time::Instant;
use ureq::unversioned::transport::{
    ConnectionDetails, Connector, NextTimeout, RustlsConnector, Transport, TransportAdapter,
};
use ureq::{Error, Timeout};

use super::{HttpLive, Stream};
use crate::net::dialer::Later;
use crate::net::interrupt::locked;
use crate::net::session::config;

/// TLS for live sockets. It keeps what it has parsed of the certificates.
pub(in crate::net) struct Tls {
    config: Config,
    connector: RustlsConnector,
}

impl Tls {
    pub(in crate::net) fn new(roots: RootCerts) -> Self {
        Self { config: config(roots), connector: RustlsConnector::default() }
    }
}

impl HttpLive {
    /// A connection, with TLS if the URL asks for it.
    pub(super) fn connect(&self) -> Result<Stream, Error> {
        let scheme = if self.base.is_secure() { "https" } else { "http" };
        let uri = format!("{scheme}://{}/", self.base.authority());
        let uri: Uri = uri.parse().map_err(ureq::http::Error::from)?;
        // The dialer has limits of its own.
        let timeout = NextTimeout {
            after: Duration::from_secs(24 * 60 * 60).into(),
            reason: Timeout::Connect,
            ..NextTimeout::default()
        };
        let (shutdown, interrupt) = (Arc::clone(&self.shutdown), Arc::clone(&self.dialer.interrupt));
        let details = ConnectionDetails {
            uri: &uri,
            addrs: Later.resolve(&uri, &self.tls.config, timeout)?,
            config: &self.tls.config,
            request_level: false,
            resolver: &Later,
            now: Instant::now(),
            timeout,
            current_time: Arc::new(Instant::now),
            run_connector: Arc::new(|_| Err(Error::ConnectionFailed)),
            register_shutdown: Arc::new(move |handle| {
                let mut shutdown = locked(&shutdown);
                // Whoever ends it raises the flag first, and looks for the handle then.
                if interrupt.is_raised() {
                    return Err(Error::ConnectionFailed);
                }
                *shutdown = Some(handle);
                Ok(())
            }),
        };
        let socket = self.dialer.connect(&details, None)?;
        let stream = self.tls.connector.connect(&details, socket)?.ok_or(Error::ConnectionFailed)?;
        let stream: Box<dyn Transport> = Box::new(stream);
        Ok(TransportAdapter::new(stream, Arc::new(Instant::now)))
    }
}
