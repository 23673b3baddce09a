//! `GET /metrics`, at an address of its own.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use tokio::task::spawn_blocking;

use super::connections::Connections;
use super::router::App;

/// The version of the text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn router(app: &Arc<App>, connections: &Arc<Connections>) -> Router {
    let (app, connections) = (Arc::clone(app), Arc::clone(connections));
    let metrics = get(move || metrics(Arc::clone(&app), Arc::clone(&connections)));
    Router::new().route("/metrics", metrics)
}

async fn metrics(app: Arc<App>, connections: Arc<Connections>) -> Result<Response<Body>, StatusCode> {
    let service = Arc::clone(&app.service);
    let text =
        spawn_blocking(move || service.metrics()).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let open = connections.count();
    let connections = format!(
        "# HELP mizu_connections Connections that are open, live sockets included.\n\
         # TYPE mizu_connections gauge\nmizu_connections {open}\n"
    );
    let mut response = Response::new((text + &connections).into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FORMAT));
    Ok(response)
}
