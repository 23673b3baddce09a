//! One connection: its requests, one after the other.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::Watcher;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use super::connections::Guest;
use super::limits::ServerLimits;
use super::place::{Exchange, Place};
use super::socket::Socket;

/// What is read ahead, and with it the longest head of a request.
const BUFFER: usize = 64 * 1024;

/// Serves until the client or the server has had enough.
pub(super) async fn serve(
    stream: TcpStream,
    guest: Guest,
    router: TowerToHyperService<Router>,
    stop: Watcher,
    limits: ServerLimits,
) {
    // An answer is written in few pieces; none of them should wait for the one before to be acknowledged.
    let _ = stream.set_nodelay(true);
    let place = &guest.place;
    let service = service_fn(|request| exchange(&router, Arc::clone(place), request));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(place)));
    let connection = http1::Builder::new().max_buf_size(BUFFER).serve_connection(socket, service);
    tokio::select! {
        // First the connection: what it does changes its place.
        biased;
        // How it ended is the client's business.
        _ = stop.watch(connection) => {}
        () = place.given_up(&limits) => {}
    }
}

async fn exchange(
    router: &TowerToHyperService<Router>,
    place: Arc<Place>,
    request: Request<Incoming>,
) -> Result<Response<Body>, axum::Error> {
    let exchange = Exchange::begin(place);
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(exchange.clone());
    let (head, body) =
        router.call(request).await.unwrap_or_else(|never: Infallible| match never {}).into_parts();
    exchange.answer();
    // All bodies are in memory, so this waits for nothing.
    let bytes = to_bytes(body, usize::MAX).await?;
    Ok(Response::from_parts(head, Body::from(Bytes::from_owner(Outgoing { bytes, _exchange: exchange }))))
}

/// The body of an answer: the exchange ends when the socket has taken all of it.
struct Outgoing {
    bytes: Bytes,
    _exchange: Exchange,
}

impl AsRef<[u8]> for Outgoing {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
