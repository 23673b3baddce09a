//! HTTP/1.1 on a free port of this machine: blocking, a thread a connection, a request a connection.
//!
//! A connection is closed after its answer, so that no request finds one that has just ended: what a test scripts
//! then happens once, and not behind the back of the client's transport, which sends such a request again.

mod message;
mod scripted;
mod socket;

use std::collections::HashMap;
use std::io::{self, BufReader};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

pub(super) use message::SWITCHING_PROTOCOLS;
pub use message::{Answer, Received};
pub use scripted::Scripted;
pub use socket::Socket;

use super::lock;

/// What stands behind the port.
pub trait Handler: Send + Sync + 'static {
    /// Whether anybody is let in. Whoever is not is hung up on.
    fn is_open(&self) -> bool {
        true
    }

    /// Answers a request, on the thread of its connection. A panic of it is that of whoever drops the server.
    fn answer(&self, request: Received) -> Response;
}

/// What follows a request.
pub enum Response {
    /// An answer, and the end.
    Answer(Answer),
    /// An answer, after which the connection is another's. It is given what was read of it too early.
    Upgrade(Answer, Box<dyn FnOnce(TcpStream, Vec<u8>) + Send>),
}

/// A server that runs. Dropping it frees its port, and waits until no request is being answered.
pub struct HttpServer {
    address: SocketAddr,
    connections: Arc<Connections>,
    thread: Option<JoinHandle<()>>,
}

impl HttpServer {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When the system gives no port or no thread.
    pub fn start(handler: Arc<impl Handler>) -> Self {
        match TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| Self::listen(listener, handler)) {
            Ok(server) => server,
            Err(error) => panic!("no test server could be started on this machine: {error}"),
        }
    }

    /// Starts it behind a listener that is there already.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn listen(listener: TcpListener, handler: Arc<impl Handler>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let connections = Arc::new(Connections::default());
        let shared = Arc::clone(&connections);
        let named = thread::Builder::new().name("test-server".to_owned());
        let thread = named.spawn(move || accept(&listener, &shared, &*handler))?;
        Ok(Self { address, connections, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hangs up on everybody.
    pub fn close_connections(&self) {
        self.connections.close_all();
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.connections.stopped.store(true, Ordering::SeqCst);
        self.connections.close_all();
        // Wakes the thread, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("what the test made the server do has panicked");
        }
    }
}

/// The connections that are open.
#[derive(Default)]
struct Connections {
    stopped: AtomicBool,
    next: AtomicU64,
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl Connections {
    fn close_all(&self) {
        for stream in lock(&self.open).values() {
            // One that the client has closed is closed.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, connections: &Connections, handler: &impl Handler) {
    // Its end waits for all threads, and panics if one of them has.
    thread::scope(|threads| {
        for stream in listener.incoming() {
            if connections.stopped.load(Ordering::SeqCst) {
                break;
            }
            let Ok(stream) = stream else { continue };
            threads.spawn(move || {
                let number = connections.next.fetch_add(1, Ordering::SeqCst);
                // Clients end in the middle of everything: no error here is one of the test.
                let _ = serve(stream, number, connections, handler);
                lock(&connections.open).remove(&number);
            });
        }
    });
}

fn serve(
    stream: TcpStream,
    number: u64,
    connections: &Connections,
    handler: &impl Handler,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    // Known before it is asked whether the server is open: who closes it afterwards finds the connection.
    lock(&connections.open).insert(number, stream.try_clone()?);
    if connections.stopped.load(Ordering::SeqCst) || !handler.is_open() {
        return Ok(());
    }
    let mut reader = BufReader::new(&stream);
    let request = Received::read(&mut reader)?;
    match handler.answer(request) {
        Response::Answer(answer) => answer.write(&stream),
        Response::Upgrade(answer, then) => {
            let early = reader.buffer().to_vec();
            answer.write(&stream)?;
            then(stream, early);
            Ok(())
        }
    }
}
