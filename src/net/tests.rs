//! The transport against real sockets. The servers do what they are told, mostly wrong.

mod failures;
mod interrupts;
mod live;
mod live_ends;
mod names;
mod requests;
mod server;
mod tls;

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::*;

/// Not a time that anything is expected to take: whatever takes longer hangs.
const FOREVER: Duration = Duration::from_secs(30);

/// Stands for every token: must not be seen anywhere but at the server.
const CANARY: &str = "canary-7f3a";

fn options(address: SocketAddr) -> HttpOptions {
    let base = BaseUrl::parse(&format!("http://{address}/_sync"), false).unwrap();
    let mut options = HttpOptions::new(base);
    options.token = Some(Token::new(CANARY).unwrap());
    options
}

fn transport(address: SocketAddr) -> Arc<HttpTransport> {
    build(options(address))
}

fn build(options: HttpOptions) -> Arc<HttpTransport> {
    Arc::new(HttpTransport::new(options).unwrap())
}

fn request(endpoint: Endpoint) -> Request {
    Request { endpoint, log: None, body: b"{}".to_vec() }
}

/// Makes a pull and reads all of its answer, on a thread of its own.
fn pull_aside(transport: &Arc<HttpTransport>) -> JoinHandle<Result<Vec<u8>, TransportError>> {
    let transport = Arc::clone(transport);
    thread::spawn(move || pull(&transport))
}

fn pull(transport: &HttpTransport) -> Result<Vec<u8>, TransportError> {
    read_all(transport.exchange(&request(Endpoint::Pull))?)
        .map_err(|error| TransportError::from_io("?", &error))
}

fn read_all(mut response: Response) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    response.body.read_to_end(&mut body)?;
    Ok(body)
}

/// The error of an exchange; a `Response` has no `Debug` for `unwrap_err`.
fn error_of(result: Result<Response, TransportError>) -> TransportError {
    match result {
        Err(error) => error,
        Ok(response) => panic!("an answer with status {}", response.status),
    }
}

fn is_interrupted<T>(result: &Result<T, TransportError>) -> bool {
    matches!(result, Err(TransportError::Interrupted { .. }))
}

fn phase<T>(result: Result<T, TransportError>) -> Phase {
    match result {
        Err(TransportError::TimedOut { phase, .. }) => phase,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("an answer"),
    }
}
