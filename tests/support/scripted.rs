//! A real HTTP server that answers as a test tells it, for what no well-behaved server would say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use flate2::Compression;
use flate2::write::GzEncoder;

#[allow(unused_imports, reason = "each test uses some of it")]
pub use mizu_sync::testing::{Answer, Received, Scripted, Socket};

/// Compresses an answer.
pub trait Gzip {
    /// Compressed, and said to be.
    fn gzip(self) -> Self;
}

impl Gzip for Answer {
    fn gzip(mut self) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.body).unwrap();
        self.body = encoder.finish().unwrap();
        self.with("Content-Encoding", "gzip")
    }
}

/// Asks without a client, byte for byte.
pub fn post(address: SocketAddr, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer.split_off(end))
}
