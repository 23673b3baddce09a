//! Reads the body of a request: of a small one from anybody, of a large one from whom the token lets in, as far as the
//! memory goes.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use mizu_sync_protocol::limits::MAX_ACCEPTED_BODY;
use tokio::time::timeout;

use super::memory::{Memory, SMALL, Share};
use super::place::Exchange;
use crate::refusal::Refusal;

/// The body of a request, and its share of the memory.
pub(super) struct Incoming {
    pub(super) bytes: Vec<u8>,
    pub(super) share: Share,
}

/// Whether a body may be large. One whose length is not told may be.
pub(super) fn may_be_large(body: &Body) -> bool {
    body.size_hint().upper().is_none_or(|bytes| bytes > SMALL as u64)
}

/// Reads a body. A client that takes longer than `limit` has gone, or means no good.
pub(super) async fn read(body: &mut Body, memory: &Memory, limit: Duration) -> Result<Incoming, Refusal> {
    timeout(limit, read_all(body, memory)).await.unwrap_or_else(|_| Err(Refusal::body_too_slow()))
}

async fn read_all(body: &mut Body, memory: &Memory) -> Result<Incoming, Refusal> {
    if body.size_hint().lower() > MAX_ACCEPTED_BODY as u64 {
        return Err(Refusal::body_too_large());
    }
    let mut incoming = Incoming { bytes: Vec::new(), share: memory.share() };
    while let Some(piece) = next(body).await {
        let piece = piece.map_err(|_| Refusal::body_broken_off())?;
        let length = incoming.bytes.len() + piece.len();
        if length > MAX_ACCEPTED_BODY {
            return Err(Refusal::body_too_large());
        }
        if !incoming.share.resize(length) {
            return Err(Refusal::out_of_memory());
        }
        incoming.bytes.extend_from_slice(&piece);
    }
    Ok(incoming)
}

/// Reads what is left of a body that was refused, to forget it: a client that sends all before it listens would find the
/// connection broken, and never hear why.
pub(super) fn forget(mut body: Body, exchange: Exchange, limit: Duration) {
    tokio::spawn(timeout(limit, async move {
        let mut left = MAX_ACCEPTED_BODY;
        while let Some(Ok(piece)) = next(&mut body).await {
            let Some(less) = left.checked_sub(piece.len()) else { break };
            left = less;
        }
        drop(exchange);
    }));
}

async fn next(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
            Ok(frame) => {
                // Trailers are of no interest.
                if let Ok(bytes) = frame.into_data() {
                    return Some(Ok(bytes));
                }
            }
            Err(error) => return Some(Err(error)),
        }
    }
}
