//! The two calls to the operating system that block and cannot be interrupted. A trait, so that tests can let
//! them hang, fail and change their answer.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Looks names up and opens connections.
pub(crate) trait System: Send + Sync + 'static {
    /// The addresses of a host, in the order in which they should be tried.
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// A connection, or an error of the kind `TimedOut` after `limit`.
    fn connect(&self, address: SocketAddr, limit: Duration) -> io::Result<TcpStream>;
}

/// The system that this runs on.
pub(crate) struct Native;

impl System for Native {
    fn lookup(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host, port).to_socket_addrs()?.collect())
    }

    fn connect(&self, address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, limit)
    }
}
