//! A live socket: its session's messages in and out, and when it has to end.
//!
//! # Idea
//! One message is on its way at a time, and waits for nothing else to be sent before: what comes up meanwhile is
//! marked in the session's mailbox. So a slow reader costs one message.

use std::future::pending;
use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use mizu_sync_protocol::limits::MAX_ACCEPTED_LIVE_MESSAGE;
use mizu_sync_protocol::live::close;
use tokio::io::{AsyncReadExt as _, copy, sink};
use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use super::limits::ServerLimits;
use super::place::Place;
use super::socket::Socket;
use super::stop::Stop;
use super::turns::Turns;
use super::upgrade::Upgrade;
use crate::live::{LiveAnswer, LiveSession};

/// What is read at once. Messages are small.
const READ_BUFFER: usize = 4 * 1024;
/// What waits to be written: one message, and the answer to a ping.
const WRITE_BUFFER: usize = 16 * 1024;
/// Messages of a client between two pings of ours. A subscription needs one.
const MAX_MESSAGES: usize = 1_000;
/// How long a client may take to answer the end of the socket.
const FAREWELL: Duration = Duration::from_secs(1);
/// A token's time is looked at not more often than this, should the service's clock stand still.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

type LiveSocket = WebSocketStream<Socket>;

/// Why a socket ends.
#[derive(Clone, Copy)]
enum Ending {
    /// The client has gone, or takes nothing: there is nobody to tell.
    Gone,
    /// The client is told this code and reason.
    Told(u16, &'static str),
}

/// Serves a live socket until it ends.
pub(super) async fn serve(
    upgrade: Upgrade,
    place: &Place,
    stop: &mut Stop,
    turns: &Turns,
    limits: &ServerLimits,
) {
    let Upgrade { socket, session, wake } = upgrade;
    let Ok(upgraded) = socket.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<Socket>>() else { return };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MAX_ACCEPTED_LIVE_MESSAGE))
        .max_frame_size(Some(MAX_ACCEPTED_LIVE_MESSAGE));
    let read = parts.read_buf.to_vec();
    let mut socket =
        WebSocketStream::from_partially_read(parts.io.into_inner(), read, Role::Server, Some(config)).await;
    place.live(false);

    let opened = Instant::now();
    let conversation =
        Conversation { socket: &mut socket, session, wake: &wake, place, turns, limits, messages: 0 };
    let ending = tokio::select! {
        biased;
        () = place.closed() => {
            // There is no time to lose: another connection waits for this place.
            let _ = tell(&mut socket, close::TRY_AGAIN_LATER, "no room left").now_or_never();
            Ending::Told(close::TRY_AGAIN_LATER, "no room left")
        }
        ending = conversation.run(stop) => {
            if let Ending::Told(code, reason) = ending {
                let _ = timeout(FAREWELL, part(&mut socket, code, reason)).await;
            }
            ending
        }
    };
    let (code, reason) = match ending {
        Ending::Gone => (0, "gone"),
        Ending::Told(code, reason) => (code, reason),
    };
    tracing::info!(endpoint = "live", code, reason, seconds = opened.elapsed().as_secs(), "closed");
}

struct Conversation<'a> {
    socket: &'a mut LiveSocket,
    session: LiveSession,
    wake: &'a Notify,
    place: &'a Place,
    turns: &'a Turns,
    limits: &'a ServerLimits,
    /// Of the client, since the last ping.
    messages: usize,
}

impl Conversation<'_> {
    async fn run(self, stop: &mut Stop) -> Ending {
        self.until_end(stop).await.err().unwrap_or(Ending::Gone)
    }

    async fn until_end(mut self, stop: &mut Stop) -> Result<(), Ending> {
        let mut pings = interval_at(Instant::now() + self.limits.ping, self.limits.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                () = stop.requested() => return Err(Ending::Told(close::GOING_AWAY, "the server stops")),
                message = self.socket.next() => {
                    let Some(message) = message else { return Ok(()) };
                    heard = Instant::now();
                    self = self.take(message).await?;
                }
                () = self.wake.notified() => self.send_hints().await?,
                _ = pings.tick() => {
                    self.messages = 0;
                    self.send(Message::Ping(Bytes::new())).await?;
                    self = self.check_token().await?;
                }
                () = sleep_until(heard + self.limits.silence) => {
                    return Err(Ending::Told(close::POLICY, "silent for too long"));
                }
                () = expiry(&self.session) => self = self.check_token().await?,
            }
        }
    }

    async fn take(mut self, message: Result<Message, Error>) -> Result<Self, Ending> {
        self.heard();
        self.messages += 1;
        if self.messages > MAX_MESSAGES {
            return Err(Ending::Told(close::POLICY, "too many messages"));
        }
        self = match message.map_err(|error| fault(&error))? {
            Message::Text(text) => self.answer(text).await?,
            // go-mizu's server does not tell one from the other.
            Message::Binary(bytes) => match Utf8Bytes::try_from(bytes) {
                Ok(text) => self.answer(text).await?,
                Err(_) => self,
            },
            Message::Close(_) => {
                // Reading on sends the answer.
                let _ = timeout(FAREWELL, self.socket.next()).await;
                return Err(Ending::Gone);
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => self,
        };
        Ok(self)
    }

    fn heard(&self) {
        self.place.live(self.session.subscriptions() > 0);
    }

    async fn answer(mut self, text: Utf8Bytes) -> Result<Self, Ending> {
        let answer;
        (self, answer) = self.ask(move |session| session.receive(&text)).await?;
        // Before the client can know that it has a subscription.
        self.heard();
        match answer {
            LiveAnswer::Nothing => {}
            LiveAnswer::Text(text) => self.send(Message::text(text)).await?,
            LiveAnswer::Unauthorized => return Err(unauthorized()),
        }
        Ok(self)
    }

    async fn check_token(self) -> Result<Self, Ending> {
        let (conversation, checked) = self.ask(LiveSession::check_token).await?;
        checked.map_err(|_| unauthorized())?;
        Ok(conversation)
    }

    async fn send_hints(&mut self) -> Result<(), Ending> {
        if self.session.time_left().is_some_and(|left| left.is_zero()) {
            return Err(unauthorized());
        }
        while let Some(hint) = self.session.next_hint() {
            self.send(Message::text(hint)).await?;
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Ending> {
        match timeout(self.limits.answer, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ending::Gone),
        }
    }

    /// Lets the session do what may block, on a thread for that.
    async fn ask<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut LiveSession) -> T + Send + 'static,
    ) -> Result<(Self, T), Ending> {
        let turn = self.turns.next().await;
        let Self { mut session, .. } = self;
        let working = spawn_blocking(move || {
            let _turn = turn;
            let result = work(&mut session);
            (session, result)
        });
        let failed = |_| Ending::Told(close::INTERNAL_ERROR, "the server failed");
        let (session, result) = working.await.map_err(failed)?;
        Ok((Self { session, ..self }, result))
    }
}

fn unauthorized() -> Ending {
    Ending::Told(close::UNAUTHORIZED, "the token has expired or was revoked")
}

/// Waits until the session's token has expired, as far as is known.
async fn expiry(session: &LiveSession) {
    match session.time_left() {
        Some(left) => sleep(left.max(SHORTEST_WAIT)).await,
        None => pending().await,
    }
}

fn fault(error: &Error) -> Ending {
    match error {
        Error::Capacity(_) => Ending::Told(close::TOO_LARGE, "the message is too large"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
        Error::Protocol(_) | Error::Utf8(_) => Ending::Told(close::PROTOCOL, "this is no WebSocket message"),
        _ => Ending::Gone,
    }
}

async fn tell(socket: &mut LiveSocket, code: u16, reason: &'static str) -> Result<(), Error> {
    socket.send(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))).await
}

/// Tells why the socket ends, and waits for the client to do its part: who closes with something unread breaks the
/// connection, and the client may never see why.
async fn part(socket: &mut LiveSocket, code: u16, reason: &'static str) -> Result<(), Error> {
    tell(socket, code, reason).await?;
    while let Some(message) = socket.next().await {
        if message.is_err() {
            break;
        }
    }
    let left = &mut socket.get_mut().take(MAX_ACCEPTED_LIVE_MESSAGE as u64);
    copy(left, &mut sink()).await?;
    Ok(())
}
