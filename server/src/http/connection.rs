//! One connection: its requests, one after the other.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;

use super::connections::Guest;
use super::limits::ServerLimits;
use super::live;
use super::place::{Exchange, Place};
use super::router::Peer;
use super::socket::Socket;
use super::stop::Stop;
use super::turns::Turns;
use super::upgrade::Handover;

/// What is read ahead, and with it the longest head of a request.
const BUFFER: usize = 64 * 1024;

/// What all connections of a listener share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) router: TowerToHyperService<Router>,
    pub(super) turns: Arc<Turns>,
    pub(super) limits: ServerLimits,
}

/// Serves until the client or the server has had enough.
pub(super) async fn serve(stream: TcpStream, peer: Peer, guest: Guest, shared: Shared, mut stop: Stop) {
    let Shared { router, turns, limits } = shared;
    // An answer is written in few pieces; none of them should wait for the one before to be acknowledged.
    let _ = stream.set_nodelay(true);
    let place = &guest.place;
    let handover = Handover::default();
    let ended = serve_requests(stream, peer, place, &router, &handover, &mut stop, &limits).await;
    if let (true, Some(upgrade)) = (ended, handover.take()) {
        live::serve(upgrade, place, &mut stop, &turns, &limits).await;
    }
}

/// Whether the connection ended by itself, and was not given up.
async fn serve_requests(
    stream: TcpStream,
    peer: Peer,
    place: &Arc<Place>,
    router: &TowerToHyperService<Router>,
    handover: &Handover,
    stop: &mut Stop,
    limits: &ServerLimits,
) -> bool {
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(handover.clone());
        exchange(router, Arc::clone(place), request)
    });
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(place)));
    let connection = http1::Builder::new().max_buf_size(BUFFER).serve_connection(socket, service);
    let mut connection = pin!(connection.with_upgrades());
    let mut given_up = pin!(place.given_up(limits));
    let mut stopping = false;
    loop {
        tokio::select! {
            // First the connection: what it does changes its place.
            biased;
            // How it ended is the client's business.
            _ = connection.as_mut() => return true,
            () = given_up.as_mut() => return false,
            () = stop.requested(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
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
