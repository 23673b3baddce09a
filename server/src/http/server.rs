//! A running server: a listening socket, and a thread with a runtime of its own, so that code that knows
//! nothing of futures can start and stop it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::connection;
use super::connections::Connections;
use super::limits::ServerLimits;
use super::router::router;
use super::turns::WORKERS;
use crate::service::Service;

/// Before another connection is accepted, where the system cannot give one.
const PAUSE: Duration = Duration::from_millis(100);

/// Where to listen, and what for.
#[derive(Clone)]
pub struct ServerOptions {
    /// The address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The path under which the endpoints are: `/_sync`, or empty.
    pub base: String,
    /// What answers.
    pub service: Arc<Service>,
    /// What it bears. Default: [`ServerLimits::default`].
    pub limits: ServerLimits,
}

impl ServerOptions {
    /// The usual base.
    pub const BASE: &'static str = "/_sync";

    /// A free port on 127.0.0.1, the usual base and limits.
    #[must_use]
    pub fn loopback(service: Arc<Service>) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            base: Self::BASE.to_owned(),
            service,
            limits: ServerLimits::default(),
        }
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
        let ServerOptions { listen, base, service, limits } = options;
        let base = normal_base(base)?;
        let failed = |source| ServerError::Listen { address: listen, source };
        let listener = std::net::TcpListener::bind(listen).map_err(failed)?;
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
            TcpListener::from_std(listener).map_err(failed)?
        };
        let (stop, stopped) = oneshot::channel();
        let router = router(&base, service, limits);
        let thread = thread::Builder::new()
            .name("mizu-sync-server".to_owned())
            .spawn(move || serve(runtime, listener, router, limits, stopped))
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

    /// Takes no more connections, finishes the replies in flight (for [`ServerLimits::stop`] at most), and
    /// returns. The port is free then.
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
    listener: TcpListener,
    router: Router,
    limits: ServerLimits,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let connections = Connections::new(limits.connections());
        let graceful = GracefulShutdown::new();
        tokio::select! {
            // Either end is the signal: sent, or dropped.
            _ = stopped => {}
            () = accept(&listener, &connections, router, limits, &graceful) => {}
        }
        drop(listener);
        connections.close_idle();
        if tokio::time::timeout(limits.stop, graceful.shutdown()).await.is_err() {
            tracing::warn!("some replies were not finished in time");
        }
    });
    // Batches whose client has hung up are still being written.
    runtime.shutdown_timeout(limits.stop);
}

/// Serves each connection in a task of its own, for ever.
async fn accept(
    listener: &TcpListener,
    connections: &Arc<Connections>,
    router: Router,
    limits: ServerLimits,
    graceful: &GracefulShutdown,
) {
    let router = TowerToHyperService::new(router);
    loop {
        match listener.accept().await {
            // Where there is no room it is closed at once.
            Ok((stream, _)) => {
                if let Some(guest) = connections.admit().await {
                    tokio::spawn(connection::serve(
                        stream,
                        guest,
                        router.clone(),
                        graceful.watcher(),
                        limits,
                    ));
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                connections.close_stalest();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
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
