//! A server that follows a script, one thread a connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use tungstenite::WebSocket;
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::Role;

use super::FOREVER;

/// A server on a free port. Its threads end with their connections, the one that accepts with the tests.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    received: Receiver<Received>,
    accepted: Receiver<()>,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    /// Which connection it came on, from 0.
    pub(super) connection: usize,
    /// Its first line and its headers, with `\n` at the end of each.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Received {
    /// The values of a header, joined by `|`.
    pub(super) fn header(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let values: Vec<_> =
            lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect();
        values.join("|")
    }
}

pub(super) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One connection, from the server's side.
pub(super) struct Connection {
    pub(super) number: usize,
    stream: Box<dyn Stream>,
    received: Sender<Received>,
}

impl Server {
    pub(super) fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::start_over(|stream| Box::new(stream), script)
    }

    /// A server that answers each request with this, ready-made answer, over and over.
    pub(super) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |connection| {
            while connection.request() {
                connection.write(&answer);
            }
        })
    }

    /// A server whose connections are wrapped, in TLS for instance.
    pub(super) fn start_over(
        wrap: impl Fn(TcpStream) -> Box<dyn Stream> + Send + 'static,
        script: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, received) = mpsc::channel();
        let (accept, accepted) = mpsc::channel();
        let script = Arc::new(script);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let stream = wrap(stream.unwrap());
                let _ = accept.send(());
                let mut connection = Connection { number, stream, received: sender.clone() };
                let script = Arc::clone(&script);
                thread::spawn(move || script(&mut connection));
            }
        });
        Self { address, received, accepted }
    }

    /// The next request, waited for.
    pub(super) fn received(&self) -> Received {
        self.received.recv_timeout(FOREVER).expect("a request")
    }

    /// Whether all requests were taken by [`Server::received`].
    pub(super) fn is_done(&self) -> bool {
        self.received.try_recv().is_err()
    }

    /// Waits until the next connection is accepted.
    pub(super) fn accepted(&self) {
        self.accepted.recv_timeout(FOREVER).expect("a connection");
    }
}

impl Connection {
    /// Reads a request and hands it to the test. `false` when the peer has closed instead.
    pub(super) fn request(&mut self) -> bool {
        let Some(head) = self.head() else { return false };
        let mut request = Received { connection: self.number, head, body: Vec::new() };
        request.body.resize(request.header("content-length").parse().unwrap(), 0);
        if self.stream.read_exact(&mut request.body).is_err() {
            return false;
        }
        let _ = self.received.send(request);
        true
    }

    /// Reads the request for a WebSocket and hands it to the test. Gives what proves that it was read; none when the
    /// peer has closed instead.
    pub(super) fn upgrade(&mut self) -> Option<String> {
        let head = self.head()?;
        let request = Received { connection: self.number, head, body: Vec::new() };
        let accept = derive_accept_key(request.header("sec-websocket-key").as_bytes());
        let _ = self.received.send(request);
        Some(accept)
    }

    /// Opens a WebSocket as the peer asks for it.
    pub(super) fn socket(&mut self) -> WebSocket<&mut Box<dyn Stream>> {
        let accept = self.upgrade().expect("a request for a WebSocket");
        self.write(upgraded(&accept));
        WebSocket::from_raw_socket(&mut self.stream, Role::Server, None)
    }

    fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if !matches!(self.stream.read(&mut byte), Ok(1)) {
                return None;
            }
            head.extend(byte);
        }
        Some(String::from_utf8(head).unwrap().replace("\r\n", "\n"))
    }

    /// Writes, unless the peer has closed. `false` if it has.
    pub(super) fn write(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Closes it, at once.
    pub(super) fn close(&mut self) {
        self.stream = Box::new(io::empty());
    }

    /// Waits until the peer closes.
    pub(super) fn hold(&mut self) {
        while matches!(self.stream.read(&mut [0; 1024]), Ok(1..)) {}
    }
}

/// A whole answer with a body.
pub(super) fn answer(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend(body);
    answer
}

/// The head of the answer that makes a WebSocket.
pub(super) fn upgraded(accept: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

/// For a body with `Content-Encoding: gzip`.
pub(super) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
