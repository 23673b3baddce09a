//! HTTP requests to requests of the service, and replies back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Extension, Router};
use mizu_sync_protocol::header::{MIZU_LOG, MIZU_SYNC, MIZU_SYNC_VERSION};
use mizu_sync_protocol::limits::MAX_ACCEPTED_BODY;
use mizu_sync_protocol::{Code, ErrorBody};
use tokio::task::spawn_blocking;

use super::gzip;
use super::limits::ServerLimits;
use super::place::Exchange;
use crate::json;
use crate::message::{Endpoint, Reply, Request as ServiceRequest};
use crate::service::Service;

/// Stands for the value of a header that is there and no ASCII: malformed, and not absent.
const NO_ASCII: &str = "";

/// The routes, under `base` ("" or "/_sync", say).
pub(super) fn router(base: &str, service: Arc<Service>, limits: ServerLimits) -> Router {
    let mut router = Router::new();
    for endpoint in Endpoint::ALL {
        let service = Arc::clone(&service);
        let handler = move |Extension(exchange): Extension<Exchange>, request| {
            handle(endpoint, Arc::clone(&service), limits, exchange, request)
        };
        router = router.route(&format!("{base}/{}", endpoint.as_str()), post(handler));
    }
    let health = get(move || health(Arc::clone(&service)));
    if !base.is_empty() {
        router = router.route(&format!("{base}/healthz"), health.clone());
    }
    router = router.route("/healthz", health);
    // Neither has a JSON body: to a client that means a wrong URL, not a refused mutation.
    router
        .layer(DefaultBodyLimit::max(MAX_ACCEPTED_BODY))
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
    service: Arc<Service>,
    limits: ServerLimits,
    exchange: Exchange,
    request: Request<Body>,
) -> Response<Body> {
    let started = Instant::now();
    let headers = request.headers().clone();
    let extended = is_extended(&headers);
    let response = match read(request, limits.body).await.map(|body| (body, exchange.work())) {
        Ok((body, Some(_work))) => answer(endpoint, service, headers, body, extended).await,
        // Another connection took its place in this moment, and nobody will read this.
        Ok((_, None)) => respond(503, Body::empty()),
        Err(unread) => unread.response(extended),
    };
    // Neither scope nor user: they are nobody's business who reads logs.
    tracing::info!(
        endpoint = endpoint.as_str(),
        status = response.status().as_u16(),
        micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}

/// Why there is no body to handle.
enum Unread {
    TooLarge,
    TooSlow,
    Broken,
}

impl Unread {
    fn response(&self, extended: bool) -> Response<Body> {
        let (status, code, error) = match self {
            Self::TooLarge => (413, Code::TooLarge, "the body is too large: split the batch"),
            Self::TooSlow => (408, Code::InternalError, "the body took too long"),
            Self::Broken => (400, Code::InternalError, "the body broke off"),
        };
        let body = json::to_vec(&ErrorBody { code: code.as_str().into(), error: error.into() });
        mark(respond(status, body.into()), extended)
    }
}

/// A client that takes longer than `limit` has gone, or means no good.
async fn read(request: Request<Body>, limit: Duration) -> Result<Bytes, Unread> {
    match tokio::time::timeout(limit, Bytes::from_request(request, &())).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Broken),
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Hands the request to the service on a thread that may block. The work is finished even if the client hangs up
/// meanwhile, since that drops this future and not the thread's work.
async fn answer(
    endpoint: Endpoint,
    service: Arc<Service>,
    headers: HeaderMap,
    body: Bytes,
    extended: bool,
) -> Response<Body> {
    let work = spawn_blocking(move || {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(NO_ASCII));
        let request = ServiceRequest {
            endpoint,
            extended,
            log: text(MIZU_LOG),
            token: text(header::AUTHORIZATION.as_str()).and_then(bearer),
            body: &body,
        };
        let reply = service.handle(&request);
        let compressed = if gzip::accepted(&headers) { gzip::compress(&reply.body) } else { None };
        (reply, compressed)
    });
    match work.await {
        Ok((reply, compressed)) => into_response(reply, compressed),
        Err(_) => {
            let error = "the server failed: its log says why";
            let body =
                json::to_vec(&ErrorBody { code: Code::InternalError.as_str().into(), error: error.into() });
            mark(respond(500, body.into()), extended)
        }
    }
}

fn into_response(reply: Reply, compressed: Option<Vec<u8>>) -> Response<Body> {
    let is_compressed = compressed.is_some();
    let mut response = respond(reply.status, compressed.unwrap_or(reply.body).into());
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if let Some(wait) = reply.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs()));
    }
    mark(response, reply.extended)
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

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
