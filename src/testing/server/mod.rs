//! The scripted server: a [`backend`](super::backend) behind HTTP and WebSockets, and what a test tells it.

mod answers;
mod auth;
mod data;
mod history;
mod network;
mod waiting;

use std::fmt;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use mizu_sync_protocol::header::{MIZU_LOG, MIZU_SYNC, MIZU_SYNC_VERSION};

use self::network::Network;
use super::backend::{self, Backend, Call};
use super::http::{Answer, Handler, HttpServer, Received, Response, SWITCHING_PROTOCOLS};
use super::live::Live;
use super::lock;
use super::requests::Requests;
use crate::client::{Builder, Client};
use crate::net::Endpoint;

/// A small server of the sync protocol, in memory, that does what a test tells it. Real HTTP on a free port of this
/// machine, so that the whole client is tested. See [the module](super) for a whole test.
///
/// All of its functions can be called at any time from any thread; none of them waits for a client but the
/// `wait_…` ones. Dropping it stops it.
pub struct Server {
    http: HttpServer,
    shared: Arc<Shared>,
}

/// What the threads of the server share with the test.
struct Shared {
    backend: Mutex<Backend>,
    network: Network,
    requests: Requests,
    live: Live,
    /// Whether it acts as if it knew no extensions.
    plain: AtomicBool,
}

impl Server {
    /// Starts a server that has nothing, lets everybody in and accepts everything.
    ///
    /// # Panics
    /// When this machine gives no port or no thread.
    #[must_use]
    pub fn start() -> Self {
        let shared = Arc::new(Shared {
            backend: Mutex::new(Backend::new(fastrand::Rng::new())),
            network: Network::default(),
            requests: Requests::default(),
            live: Live::default(),
            plain: AtomicBool::new(false),
        });
        Self { http: HttpServer::start(Arc::new(Handle(Arc::clone(&shared)))), shared }
    }

    /// Its base URL, for [`Client::builder`](crate::Client::builder).
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/_sync", self.http.address())
    }

    /// Options for a client of this server, in memory. Like any other it syncs from `start()` on.
    ///
    /// ```
    /// use mizu_sync::testing::Server;
    ///
    /// let server = Server::start();
    /// server.require_token("secret");
    /// let client = server.builder("user:1").principal("ann").token("secret").open()?;
    /// client.start()?;
    /// client.wait_for_first_sync(mizu_sync::testing::SOON)?;
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn builder(&self, scope: &str) -> Builder {
        Client::builder(&self.url(), scope).in_memory()
    }

    /// A client of this server, in memory, that has synced once and goes on syncing: a device.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use serde_json::{Value, json};
    /// let server = Server::start();
    /// server.put("user:1", "todo", "t1", &json!({ "title": "Milk" }));
    /// let phone = server.client("user:1");
    /// assert_eq!(phone.collection::<Value>("todo").count()?, 1);
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    ///
    /// # Panics
    /// When the first sync does not succeed: where a test expects that, let it use [`Server::builder`].
    #[must_use]
    #[track_caller]
    pub fn client(&self, scope: &str) -> Client {
        let client = match self.builder(scope).open() {
            Ok(client) => client,
            Err(error) => panic!("no client could be opened: {error}"),
        };
        match client.start().and_then(|()| client.wait_for_first_sync(super::SOON)) {
            Ok(()) => client,
            Err(error) => panic!("the client's first sync failed: {error}"),
        }
    }

    fn backend(&self) -> MutexGuard<'_, Backend> {
        lock(&self.shared.backend)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Before its port is freed, which waits for all answers.
        self.shared.network.stop();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("url", &self.url()).finish_non_exhaustive()
    }
}

struct Handle(Arc<Shared>);

impl Handler for Handle {
    fn is_open(&self) -> bool {
        self.0.network.is_online()
    }

    fn answer(&self, request: Received) -> Response {
        let shared = &self.0;
        if shared.network.is_hanging() {
            shared.requests.add(request.clone());
            if !shared.network.wait_for_release() {
                return Response::Answer(Answer::none());
            }
            let answer = shared.answer(&request);
            return shared.response(answer);
        }
        let answer = shared.answer(&request);
        // Before the answer: whoever waits for the request finds what it did.
        shared.requests.add(request.answered_by(&answer));
        shared.response(answer)
    }
}

impl Shared {
    fn answer(&self, request: &Received) -> Answer {
        let endpoint = [Endpoint::Push, Endpoint::Pull, Endpoint::Snapshot]
            .into_iter()
            .find(|endpoint| request.path.strip_prefix("/_sync/") == Some(endpoint.path()));
        if let Some(answer) = self.network.scripted(endpoint) {
            return answer;
        }
        match (request.method.as_str(), request.path.as_str(), endpoint) {
            ("POST", _, Some(endpoint)) => self.synced(endpoint, request),
            ("GET", "/ws", _) => self.live(request),
            ("GET", "/healthz" | "/_sync/healthz", _) => {
                Answer::new(200, "application/json", r#"{"ok":true}"#)
            }
            (_, _, Some(_)) => Answer::new(405, "text/plain", "use POST\n"),
            _ => Answer::new(404, "text/plain", "nothing here: check the base URL\n"),
        }
    }

    fn synced(&self, endpoint: Endpoint, request: &Received) -> Answer {
        let asked = request.header(MIZU_SYNC) == Some(MIZU_SYNC_VERSION);
        let call = Call {
            endpoint,
            extended: asked && !self.plain.load(Ordering::SeqCst),
            log: request.header(MIZU_LOG),
            token: request.token(),
            body: &request.body,
        };
        let reply = backend::answer(&self.backend, &call, SystemTime::now());
        for (scope, cursor) in reply.changed {
            self.live.hint(&scope, cursor);
        }
        if self.network.loses(endpoint) {
            return Answer::none();
        }
        let answer = Answer::new(reply.status, "application/json", reply.body);
        if call.extended { answer.with("Mizu-Sync", MIZU_SYNC_VERSION) } else { answer }
    }

    fn live(&self, request: &Received) -> Answer {
        if lock(&self.backend).access.knows(request.token()) {
            self.live.accept(request)
        } else {
            Answer::new(401, "text/plain", "the token is missing, unknown or expired")
        }
    }

    /// The answer, and a socket where it opens one.
    fn response(self: &Arc<Self>, answer: Answer) -> Response {
        if answer.status != SWITCHING_PROTOCOLS {
            return Response::Answer(answer);
        }
        let shared = Arc::clone(self);
        let serve = move |stream: TcpStream, early| {
            let allows = |scope: &str| lock(&shared.backend).access.allows(scope);
            // It ends when the client or the test hangs up.
            let _ = shared.live.serve(&stream, early, allows, || shared.requests.wake());
        };
        Response::Upgrade(answer, Box::new(serve))
    }
}
