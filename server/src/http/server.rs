//! A running server: a listening socket, and a thread with a runtime of its own, so that code that knows
//! nothing of futures can start and stop it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::serve::ListenerExt as _;
use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::router::router;
use crate::service::Service;

/// Requests that are worked on at once; more wait. Writers wait for each other anyway.
const WORKERS: usize = 64;
/// How long a stop waits for replies in flight.
const GRACE: Duration = Duration::from_secs(10);

/// Where to listen, and what for.
#[derive(Clone)]
pub struct ServerOptions {
    /// The address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The path under which the endpoints are: `/_sync`, or empty.
    pub base: String,
    /// What answers.
    pub service: Arc<Service>,
}

impl ServerOptions {
    /// The usual base.
    pub const BASE: &'static str = "/_sync";

    /// A free port on 127.0.0.1, and the usual base.
    #[must_use]
    pub fn loopback(service: Arc<Service>) -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), base: Self::BASE.to_owned(), service }
    }
}

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address cannot be taken.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The base is no path.
    #[error("the base {0:?} must be empty or a path such as /_sync, of letters, digits and - . _ ~")]
    Base(String),
    /// No thread could be started.
    #[error("the server's threads cannot be started: {0}")]
    Threads(#[source] std::io::Error),
}

/// A running server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens and serves. It accepts connections when this returns.
    ///
    /// # Errors
    /// When the address is taken, the base is no path, or the system has no threads left.
    pub fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions { listen, base, service } = options;
        let base = normal_base(base)?;
        let failed = |source| ServerError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let runtime = Builder::new_multi_thread()
            .thread_name("mizu-sync-server")
            .max_blocking_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(ServerError::Threads)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(failed)?
        };
        let (stop, stopped) = oneshot::channel();
        let app = router(&base, service);
        let thread = thread::Builder::new()
            .name("mizu-sync-server".to_owned())
            .spawn(move || serve(runtime, listener, app, stopped))
            .map_err(ServerError::Threads)?;
        Ok(Self { address, url: format!("http://{address}{base}"), stop: Some(stop), thread: Some(thread) })
    }

    /// The address that it listens on, with the real port.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The base URL to give to clients: `http://127.0.0.1:8080/_sync`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes no more connections, finishes the replies in flight (for 10 s at most), and returns. The port is
    /// free then.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the server's thread panicked");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shut_down();
    }
}

fn serve(
    runtime: Runtime,
    listener: tokio::net::TcpListener,
    app: axum::Router,
    mut stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let (finish, finished) = oneshot::channel::<()>();
        // An answer is written in few pieces; none of them should wait for the one before to be acknowledged.
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let graceful = axum::serve(listener, app).with_graceful_shutdown(async {
            // Either end is the signal: sent, or dropped.
            let _ = finished.await;
        });
        let mut serving = tokio::spawn(graceful.into_future());
        tokio::select! {
            _ = &mut stopped => {}
            _ = &mut serving => return,
        }
        drop(finish);
        if tokio::time::timeout(GRACE, serving).await.is_err() {
            tracing::warn!("some replies were not finished in time");
        }
    });
    // Batches whose client has hung up are still being written.
    runtime.shutdown_timeout(GRACE);
}

fn normal_base(base: String) -> Result<String, ServerError> {
    let path = base.trim_end_matches('/');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if (path.is_empty() || path.starts_with('/')) && path.chars().all(allowed) {
        Ok(path.to_owned())
    } else {
        Err(ServerError::Base(base))
    }
}
