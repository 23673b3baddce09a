//! `GET /ws`: from a request to a live socket.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;

use super::place::Exchange;
use super::router::{App, LIVE, Peer, finish, refused, token};
use crate::live::LiveSession;
use crate::refusal::Refusal;

/// A live socket to be, once the answer to its request is out.
pub(super) struct Upgrade {
    pub(super) socket: OnUpgrade,
    pub(super) session: LiveSession,
    /// Notified when the session has a hint.
    pub(super) wake: Arc<Notify>,
}

/// Where a request leaves the socket for its connection.
#[derive(Clone, Default)]
pub(super) struct Handover(Arc<Mutex<Option<Upgrade>>>);

impl Handover {
    pub(super) fn take(&self) -> Option<Upgrade> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, upgrade: Upgrade) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgrade);
    }
}

pub(super) async fn handle(
    app: Arc<App>,
    exchange: Exchange,
    peer: Peer,
    handover: Handover,
    request: Request<Body>,
) -> Response<Body> {
    let started = Instant::now();
    let headers = request.headers().clone();
    let result = upgrade(&app, &exchange, peer, &handover, request).await;
    let response = result.unwrap_or_else(|refusal| refused(&refusal));
    finish(&app, LIVE, started, &headers, response)
}

async fn upgrade(
    app: &App,
    exchange: &Exchange,
    peer: Peer,
    handover: &Handover,
    mut request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let Ok(response) = create_response_with_body(&request, Body::empty) else { return Ok(no_upgrade()) };
    let _work = exchange.work().ok_or_else(Refusal::internal)?;
    let turn = app.turns.next().await;
    let (service, limiter, headers) =
        (Arc::clone(&app.service), app.limiter.clone(), request.headers().clone());
    let wake = Arc::new(Notify::new());
    let waker = Arc::clone(&wake);
    let opening = spawn_blocking(move || {
        let _turn = turn;
        let session = LiveSession::open(&service, token(&headers), move || waker.notify_one());
        limiter.admit(session.as_ref().ok().map(LiveSession::principal), peer)?;
        Ok::<_, Refusal>(session?)
    });
    let session = opening.await.map_err(|_| Refusal::internal())??;
    exchange.upgrade();
    handover.put(Upgrade { socket: hyper::upgrade::on(&mut request), session, wake });
    Ok(response)
}

/// Not JSON: to a client that means a wrong URL.
fn no_upgrade() -> Response<Body> {
    let mut response = Response::new("this is a WebSocket: upgrade, with version 13\n".into());
    *response.status_mut() = StatusCode::UPGRADE_REQUIRED;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}
