//! A server that answers as a closure says, for what no well-behaved server would say.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::socket::{Socket, Sockets};
use super::{Answer, Handler, HttpServer, Received, Response};
use crate::testing::lock;
use crate::testing::requests::Requests;

/// Longer than anything takes.
const SOON: Duration = Duration::from_secs(60);

/// A real HTTP server that asks a closure for each answer, one after the other. For this project's own tests.
pub struct Scripted {
    server: HttpServer,
    requests: Requests,
    sockets: Sockets,
}

struct Script<F> {
    script: Mutex<F>,
    requests: Requests,
    sockets: Sockets,
}

impl<F: FnMut(&Received) -> Answer + Send + 'static> Handler for Script<F> {
    fn answer(&self, request: Received) -> Response {
        if request.endpoint() == "ws" {
            return self.sockets.answer(request);
        }
        // The closure is the server: nobody else wants this lock but those who wait for their answers.
        let answer = (lock(&self.script))(&request);
        self.requests.add(request.answered_by(&answer));
        Response::Answer(answer)
    }
}

impl Scripted {
    /// A server on a free port.
    pub fn start(script: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        Self::serve(script, |handler| Ok(HttpServer::start(handler)))
    }

    /// The same behind a listener that is there already.
    pub fn listen(listener: TcpListener, script: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        Self::serve(script, |handler| HttpServer::listen(listener, handler))
    }

    fn serve<F: FnMut(&Received) -> Answer + Send + 'static>(
        script: F,
        start: impl FnOnce(Arc<Script<F>>) -> io::Result<HttpServer>,
    ) -> Self {
        let (requests, sockets) = (Requests::default(), Sockets::default());
        let script = Mutex::new(script);
        let handler = Arc::new(Script { script, requests: requests.clone(), sockets: sockets.clone() });
        match start(handler) {
            Ok(server) => Self { server, requests, sockets },
            Err(error) => panic!("no test server could be started on this machine: {error}"),
        }
    }

    /// From now on live sockets are opened, which are not among the requests. Otherwise there are none: 404.
    #[must_use]
    pub fn opens_sockets(self) -> Self {
        self.sockets.open();
        self
    }

    /// The next live socket that was opened, waited for.
    #[track_caller]
    pub fn socket(&self) -> Socket {
        match self.sockets.next(SOON) {
            Some(socket) => socket,
            None => panic!("no live socket was opened"),
        }
    }

    /// Whether none was opened, or all were taken.
    pub fn has_no_socket(&self) -> bool {
        self.sockets.is_empty()
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}/_sync", self.server.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Everything that it was asked.
    pub fn requests(&self) -> Vec<Received> {
        self.requests.all()
    }

    /// The bodies of the requests to one endpoint.
    pub fn bodies(&self, endpoint: &str) -> Vec<Value> {
        let requests = self.requests();
        requests.iter().filter(|request| request.endpoint() == endpoint).map(Received::json).collect()
    }

    /// How often an endpoint was asked.
    pub fn count(&self, endpoint: &str) -> usize {
        count(&self.requests(), endpoint)
    }

    /// Waits until what it was asked satisfies `enough`.
    #[track_caller]
    pub fn wait_until(&self, what: &str, enough: impl Fn(&[Received]) -> bool) {
        if let Err(waited) = self.requests.wait(SOON, enough) {
            panic!("no {what}: {waited}");
        }
    }

    /// Waits until an endpoint was asked this often.
    #[track_caller]
    pub fn wait_for(&self, endpoint: &str, times: usize) {
        self.wait_until(endpoint, |all| count(all, endpoint) >= times);
    }
}

fn count(requests: &[Received], endpoint: &str) -> usize {
    requests.iter().filter(|request| request.endpoint() == endpoint).count()
}
