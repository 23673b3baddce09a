//! A running server: a listening socket, and a thread with a runtime of its own, so that code that knows
//! nothing of futures can start and stop it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use futures_util::future::join_all;
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::connection::{self, Shared};
use super::connections::Connections;
use super::limits::ServerLimits;
use super::metrics;
use super::rate::RateLimit;
use super::router::{App, Peer, router};
use super::stop::Stopper;
use super::turns::{Turns, WORKERS};
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
    /// How often one user may ask, or one address where no user is known; more is answered 429. Behind a proxy all
    /// come from one address. Default: none.
    pub rate_limit: Option<RateLimit>,
    /// Where `GET /metrics` answers, and nothing else does: at an address of its own, so that nobody who reaches the
    /// endpoints sees it. Port 0 takes a free one. Default: nowhere.
    pub metrics: Option<SocketAddr>,
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
            rate_limit: None,
            metrics: None,
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
    metrics: Option<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens and serves. It accepts connections when this returns.
    ///
    /// # Errors
    /// When the address is taken, the base is no path, or the system has no threads left.
    pub fn start(options: ServerOptions) -> Result<Self, ServerError> {
        let ServerOptions { listen, base, service, limits, rate_limit, metrics } = options;
        let base = normal_base(base)?;
        let runtime = Builder::new_multi_thread()
            .thread_name("mizu-sync-server")
            .max_blocking_threads(WORKERS)
            .enable_all()
            .build()
            .map_err(ServerError::Threads)?;
        let (listener, metrics_listener) = {
            let _inside = runtime.enter();
            (bind(listen)?, metrics.map(bind).transpose()?)
        };
        let address = local_addr(&listener, listen)?;
        let metrics = metrics_listener
            .as_ref()
            .zip(metrics)
            .map(|(listener, asked)| local_addr(listener, asked))
            .transpose()?;

        let connections = Connections::new(limits.connections());
        let turns = Arc::new(Turns::new());
        let app = App::new(service, limits, rate_limit, Arc::clone(&turns));
        let shared =
            |router| Shared { router: TowerToHyperService::new(router), turns: Arc::clone(&turns), limits };
        let mut listeners = vec![(listener, shared(router(&base, &app)))];
        listeners
            .extend(metrics_listener.map(|listener| (listener, shared(metrics::router(&app, &connections)))));

        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("mizu-sync-server".to_owned())
            .spawn(move || serve(runtime, listeners, &connections, limits, stopped))
            .map_err(ServerError::Threads)?;
        let url = format!("http://{address}{base}");
        Ok(Self { address, url, metrics, stop: Some(stop), thread: Some(thread) })
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

    /// The address where `/metrics` answers, with the real port.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// Takes no more connections, tells live sockets that it stops (close code 1001), finishes the replies in flight (for [`ServerLimits::stop`] at most), and
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

fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    let failed = |source| ServerError::Listen { address, source };
    let listener = std::net::TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    TcpListener::from_std(listener).map_err(failed)
}

fn local_addr(listener: &TcpListener, asked: SocketAddr) -> Result<SocketAddr, ServerError> {
    listener.local_addr().map_err(|source| ServerError::Listen { address: asked, source })
}

fn serve(
    runtime: Runtime,
    listeners: Vec<(TcpListener, Shared)>,
    connections: &Arc<Connections>,
    limits: ServerLimits,
    stopped: oneshot::Receiver<()>,
) {
    runtime.block_on(async {
        let stopper = Stopper::new();
        let accepting =
            listeners.iter().map(|(listener, shared)| accept(listener, connections, shared, &stopper));
        tokio::select! {
            // Either end is the signal: sent, or dropped.
            _ = stopped => {}
            _ = join_all(accepting) => {}
        }
        drop(listeners);
        connections.close_idle();
        if tokio::time::timeout(limits.stop, stopper.stop()).await.is_err() {
            tracing::warn!("some replies were not finished in time");
        }
    });
    // Batches whose client has hung up are still being written.
    runtime.shutdown_timeout(limits.stop);
}

/// Serves each connection in a task of its own, for ever.
async fn accept(listener: &TcpListener, connections: &Arc<Connections>, shared: &Shared, stopper: &Stopper) {
    loop {
        match listener.accept().await {
            // Where there is no room it is closed at once.
            Ok((stream, peer)) => {
                if let Some(guest) = connections.admit().await {
                    let (peer, stop) = (Peer(peer.ip()), stopper.for_connection());
                    tokio::spawn(connection::serve(stream, peer, guest, shared.clone(), stop));
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
