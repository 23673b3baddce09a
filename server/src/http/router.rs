//! HTTP requests to requests of the service, and replies back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Extension, Router};
use mizu_sync_protocol::header::{MIZU_LOG, MIZU_SYNC, MIZU_SYNC_VERSION};
use mizu_sync_protocol::live;
use tokio::task::spawn_blocking;

use super::gzip;
use super::incoming::{self, Incoming};
use super::limits::ServerLimits;
use super::memory::Memory;
use super::place::Exchange;
use super::rate::{RateLimit, RateLimiter};
use super::turns::Turns;
use super::upgrade::{self, Handover};
use crate::auth::Principal;
use crate::message::{Endpoint, Request as ServiceRequest};
use crate::refusal::Refusal;
use crate::service::Service;

/// Stands for the value of a header that is there and no ASCII: malformed, and not absent.
const NO_ASCII: &str = "";

/// The name of the live socket in logs and metrics.
pub(super) const LIVE: &str = "live";

/// Where a connection comes from.
#[derive(Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// What all requests share.
pub(super) struct App {
    pub(super) service: Arc<Service>,
    pub(super) limiter: Limiter,
    limits: ServerLimits,
    memory: Memory,
    pub(super) turns: Arc<Turns>,
}

/// Says whether a user may make another request.
#[derive(Clone)]
pub(super) struct Limiter {
    service: Arc<Service>,
    limiter: Option<Arc<RateLimiter>>,
}

impl Limiter {
    pub(super) fn admit(&self, user: Option<&Principal>, peer: Peer) -> Result<(), Refusal> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.take(user, peer.0, self.service.now()).map_err(Refusal::too_many_requests)
    }
}

impl App {
    pub(super) fn new(
        service: Arc<Service>,
        limits: ServerLimits,
        rate: Option<RateLimit>,
        turns: Arc<Turns>,
    ) -> Arc<Self> {
        let limiter = rate.map(|rate| Arc::new(RateLimiter::new(rate)));
        let limiter = Limiter { service: Arc::clone(&service), limiter };
        Arc::new(Self { service, limiter, limits, memory: Memory::new(limits.memory), turns })
    }
}

/// The routes, under `base` ("" or "/_sync", say).
pub(super) fn router(base: &str, app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for endpoint in Endpoint::ALL {
        let app = Arc::clone(app);
        let handler =
            move |Extension(exchange): Extension<Exchange>, Extension(peer): Extension<Peer>, request| {
                handle(endpoint, Arc::clone(&app), exchange, peer, request)
            };
        router = router.route(&format!("{base}/{}", endpoint.as_str()), post(handler));
    }
    let live = {
        let app = Arc::clone(app);
        move |Extension(exchange): Extension<Exchange>,
              Extension(peer): Extension<Peer>,
              Extension(handover): Extension<Handover>,
              request| upgrade::handle(Arc::clone(&app), exchange, peer, handover, request)
    };
    router = router.route(live::PATH, get(live));
    let service = Arc::clone(&app.service);
    let health = get(move || health(Arc::clone(&service)));
    if !base.is_empty() {
        router = router.route(&format!("{base}/healthz"), health.clone());
    }
    router = router.route("/healthz", health);
    // Neither has a JSON body: to a client that means a wrong URL, not a refused mutation.
    router
        .fallback(async || (StatusCode::NOT_FOUND, "nothing here: check the base URL\n"))
        .method_not_allowed_fallback(async || (StatusCode::METHOD_NOT_ALLOWED, "use POST\n"))
}

async fn health(service: Arc<Service>) -> Response<Body> {
    let healthy = spawn_blocking(move || service.is_healthy()).await.unwrap_or(false);
    let (status, body) = if healthy { (200, "{\"ok\":true}") } else { (503, "{\"ok\":false}") };
    respond(status, body.into())
}

async fn handle(
    endpoint: Endpoint,
    app: Arc<App>,
    exchange: Exchange,
    peer: Peer,
    request: Request<Body>,
) -> Response<Body> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let headers = head.headers;
    let result = match read(&app, &headers, peer, body, &exchange).await {
        Ok(incoming) => answer(endpoint, &app, headers.clone(), peer, incoming, &exchange).await,
        Err(refusal) => Err(refusal),
    };
    let response = result.unwrap_or_else(|refusal| refused(&refusal));
    finish(&app, endpoint.as_str(), started, &headers, response)
}

/// What is done with every answer.
pub(super) fn finish(
    app: &App,
    endpoint: &'static str,
    started: Instant,
    headers: &HeaderMap,
    response: Response<Body>,
) -> Response<Body> {
    let (status, took) = (response.status().as_u16(), started.elapsed());
    app.service.metrics.request(endpoint, status, took);
    // Neither scope nor user: they are nobody's business who reads logs.
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::info!(endpoint, status, micros, "request");
    mark(response, is_extended(headers))
}

async fn read(
    app: &App,
    headers: &HeaderMap,
    peer: Peer,
    mut body: Body,
    exchange: &Exchange,
) -> Result<Received, Refusal> {
    let is_admitted = incoming::may_be_large(&body);
    let admitted = if is_admitted { admit(app, headers, peer).await } else { Ok(()) };
    let result = match admitted {
        Ok(()) => incoming::read(&mut body, &app.memory, app.limits.body).await,
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = &result
        && refusal.status != Refusal::BODY_TOO_SLOW
        && !headers.contains_key(header::EXPECT)
    {
        incoming::forget(body, exchange.clone(), app.limits.body);
    }
    result.map(|incoming| Received { incoming, is_admitted })
}

/// A request that was read.
struct Received {
    incoming: Incoming,
    /// Whether its user has been let in already.
    is_admitted: bool,
}

/// Lets in whom the token does, as often as it may.
async fn admit(app: &App, headers: &HeaderMap, peer: Peer) -> Result<(), Refusal> {
    let turn = app.turns.next().await;
    let (service, limiter, headers) = (Arc::clone(&app.service), app.limiter.clone(), headers.clone());
    let check = spawn_blocking(move || {
        let _turn = turn;
        service.admitted(token(&headers), |user| limiter.admit(user, peer)).map(drop)
    });
    check.await.unwrap_or_else(|_| Err(Refusal::internal()))
}

/// Hands the request to the service on a thread that may block. The work, once begun, is finished even if the client
/// hangs up meanwhile, since that drops this future and not the thread's work.
async fn answer(
    endpoint: Endpoint,
    app: &App,
    headers: HeaderMap,
    peer: Peer,
    received: Received,
    exchange: &Exchange,
) -> Result<Response<Body>, Refusal> {
    // Without it another connection has taken the place of this one, and nobody will read the answer.
    let _work = exchange.work().ok_or_else(Refusal::internal)?;
    let extended = is_extended(&headers);
    let turn = match endpoint {
        Endpoint::Snapshot if !extended => app.turns.next_whole_snapshot().await,
        _ => app.turns.next().await,
    };
    let (service, limiter) = (Arc::clone(&app.service), app.limiter.clone());
    let work = spawn_blocking(move || {
        let _turn = turn;
        let Received { incoming: Incoming { bytes, share }, is_admitted } = received;
        let request = ServiceRequest {
            endpoint,
            extended,
            log: text(&headers, MIZU_LOG),
            token: token(&headers),
            body: &bytes,
        };
        let admit = |user: Option<&Principal>| if is_admitted { Ok(()) } else { limiter.admit(user, peer) };
        let reply = service.handle_if(&request, admit);
        let compressed = if gzip::accepted(&headers) { gzip::compress(&reply.body) } else { None };
        (reply, compressed, share)
    });
    let (reply, compressed, mut share) = work.await.map_err(|_| Refusal::internal())?;
    let is_compressed = compressed.is_some();
    let body = compressed.unwrap_or(reply.body);
    // What a push says is committed: it goes out in any case.
    if !share.resize(body.len()) && endpoint != Endpoint::Push {
        return Err(Refusal::out_of_memory());
    }
    let mut response = respond(reply.status, share.body(body));
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(wait) = reply.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
    }
    Ok(response)
}

/// Whole seconds, not less than it takes.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

pub(super) fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = respond(refusal.status, refusal.body().into());
    if let Some(wait) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
    }
    response
}

fn respond(status: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn mark(mut response: Response<Body>, extended: bool) -> Response<Body> {
    if extended {
        let name = HeaderName::from_static(MIZU_SYNC);
        response.headers_mut().insert(name, HeaderValue::from_static(MIZU_SYNC_VERSION));
    }
    response
}

fn is_extended(headers: &HeaderMap) -> bool {
    headers.get(MIZU_SYNC).is_some_and(|value| value.as_bytes() == MIZU_SYNC_VERSION.as_bytes())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or(NO_ASCII))
}

pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    text(headers, header::AUTHORIZATION.as_str()).and_then(bearer)
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
