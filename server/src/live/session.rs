//! One client of the live socket, without the socket: text in, text out.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mizu_sync_protocol::limits::MAX_SUBSCRIPTIONS;
use mizu_sync_protocol::live::{self, ClientMessage, Dialect, ServerMessage, Wish};

use super::hub::Mailbox;
use crate::auth::{Principal, Unauthorized};
use crate::refusal::Refusal;
use crate::service::Service;

/// A client that is told when scopes have grown. Its methods may block as [`Auth`](crate::Auth) does, and never
/// wait for the client. Dropping it ends its subscriptions.
///
/// The [`Server`](crate::Server) pumps its messages through a WebSocket; another front end pumps them elsewhere.
///
/// ```
/// use std::sync::Arc;
/// use mizu_sync_server::{Endpoint, LiveAnswer, LiveSession, Request, Service, ServiceOptions};
///
/// let service = Arc::new(Service::in_memory(ServiceOptions::default())?);
/// // The last argument wakes whoever calls `next_hint`.
/// let mut live = LiveSession::open(&service, None, || ())?;
/// let answer = live.receive(r#"{"topic":"sync:user:1","data":{"type":"subscribe","ref":"1"}}"#);
/// assert_eq!(answer, LiveAnswer::Text(r#"{"topic":"sync:user:1","data":{"type":"ack","ref":"1"}}"#.to_owned()));
///
/// let body = br#"{"mutations":[{"id":"m1","name":"todo.create","scope":"user:1","args":{"id":"t1","data":{}}}]}"#;
/// let _ = service.handle(&Request { endpoint: Endpoint::Push, extended: true, log: None, token: None, body });
/// assert_eq!(live.next_hint().as_deref(), Some(r#"{"topic":"sync:user:1","data":{"cursor":1}}"#));
/// assert_eq!(live.next_hint(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LiveSession {
    service: Arc<Service>,
    token: Option<String>,
    principal: Principal,
    expires: Option<SystemTime>,
    mailbox: Arc<Mailbox>,
    dialects: HashMap<Arc<str>, Dialect>,
}

/// What a message of the client is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveAnswer {
    /// With nothing: it was none that is known, or there is nothing to say.
    Nothing,
    /// With this text.
    Text(String),
    /// The token is no longer good: the connection is to be closed.
    Unauthorized,
}

impl LiveSession {
    /// A client with this token, or with none. `wake` is called, on any thread, when there is a hint and was none
    /// before.
    ///
    /// # Errors
    /// When the token does not let anybody in.
    pub fn open(
        service: &Arc<Service>,
        token: Option<&str>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, Unauthorized> {
        let session = service.session(token)?;
        Ok(Self {
            principal: session.principal().clone(),
            expires: session.expires(),
            service: Arc::clone(service),
            token: token.map(str::to_owned),
            mailbox: service.hub.mailbox(wake),
            dialects: HashMap::new(),
        })
    }

    /// The user.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// How long its token is good for, in the time of the service, as far as is known.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let expires = self.expires?;
        Some(expires.duration_since(self.service.now()).unwrap_or_default())
    }

    /// Asks again whether the token is good for what was subscribed, since it may have expired or been revoked.
    ///
    /// # Errors
    /// When it is not: the connection is to be closed.
    pub fn check_token(&mut self) -> Result<(), Unauthorized> {
        let session = self.service.session(self.token.as_deref())?;
        self.expires = session.expires();
        let is_allowed = self.dialects.keys().all(|scope| session.allows(scope));
        let has_expired = self.time_left().is_some_and(|left| left.is_zero());
        if is_allowed && !has_expired { Ok(()) } else { Err(Unauthorized) }
    }

    /// How many subscriptions it has.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.dialects.len()
    }

    /// Takes a message of the client. Each subscription is asked of [`Auth`](crate::Auth) as a pull is.
    pub fn receive(&mut self, text: &str) -> LiveAnswer {
        let Some(message) = ClientMessage::parse(text) else { return LiveAnswer::Nothing };
        match message.wish {
            Wish::Subscribe => self.subscribe(&message),
            Wish::Unsubscribe => {
                if let Some(scope) = live::scope(&message.topic) {
                    self.dialects.remove(scope);
                    self.mailbox.unsubscribe(scope);
                }
                LiveAnswer::Nothing
            }
        }
    }

    fn subscribe(&mut self, message: &ClientMessage<'_>) -> LiveAnswer {
        let ClientMessage { topic, reference, dialect, .. } = message;
        let reference = reference.as_deref();
        let answer = |answer: ServerMessage<'_>| LiveAnswer::Text(answer.to_json(topic, *dialect));
        match self.try_subscribe(topic, *dialect) {
            Ok(()) => answer(ServerMessage::Ack { reference }),
            Err(Refusal { status: 401, .. }) => LiveAnswer::Unauthorized,
            Err(refusal) => {
                let (code, error) = (refusal.code.as_str(), &*refusal.message);
                answer(ServerMessage::Error { reference, code, error })
            }
        }
    }

    fn try_subscribe(&mut self, topic: &str, dialect: Dialect) -> Result<(), Refusal> {
        let scope = live::scope(topic).ok_or_else(Refusal::no_such_topic)?;
        let session = self.service.session(self.token.as_deref())?;
        self.service.check_scope(&*session, scope)?;
        if !self.dialects.contains_key(scope) && self.dialects.len() == MAX_SUBSCRIPTIONS {
            return Err(Refusal::too_many_subscriptions());
        }
        self.dialects.insert(scope.into(), dialect);
        self.mailbox.subscribe(scope);
        Ok(())
    }

    /// The next message for the client, if there is one.
    pub fn next_hint(&mut self) -> Option<String> {
        let (scope, cursor) = self.mailbox.take()?;
        let dialect = *self.dialects.get(&scope)?;
        self.service.metrics.hint_sent();
        Some(ServerMessage::Hint(cursor).to_json(&live::topic(&scope), dialect))
    }
}

impl Drop for LiveSession {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}

impl fmt::Debug for LiveSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSession").field("subscriptions", &self.subscriptions()).finish_non_exhaustive()
    }
}
