//! Looking up the host and connecting to its addresses.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use super::server::{Server, answer};
use super::*;
use crate::net::system::{Native, System};
use crate::net::watchdog::Limits;

type LookupFn = dyn Fn(usize) -> io::Result<Vec<SocketAddr>> + Send + Sync;
type ConnectFn = dyn Fn(usize, SocketAddr, Duration) -> io::Result<TcpStream> + Send + Sync;

/// A system whose calls do what a test tells them, given how many went before.
pub(super) struct Fake {
    lookup: Box<LookupFn>,
    connect: Box<ConnectFn>,
    lookups: AtomicUsize,
    connects: AtomicUsize,
}

impl Fake {
    pub(super) fn new(lookup: impl Fn(usize) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self {
            lookup: Box::new(lookup),
            connect: Box::new(|_, address, limit| Native.connect(address, limit)),
            lookups: AtomicUsize::new(0),
            connects: AtomicUsize::new(0),
        }
    }

    pub(super) fn connecting(
        mut self,
        connect: impl Fn(usize, SocketAddr, Duration) -> io::Result<TcpStream> + Send + Sync + 'static,
    ) -> Self {
        self.connect = Box::new(connect);
        self
    }

    /// A transport on this system, to a host with a name.
    pub(super) fn transport(
        self,
        address: SocketAddr,
        change: impl FnOnce(&mut HttpOptions),
    ) -> Arc<HttpTransport> {
        let base = BaseUrl::parse(&format!("http://sync.test:{}", address.port()), true).unwrap();
        let mut options = HttpOptions::new(base);
        options.system = Arc::new(self);
        change(&mut options);
        build(options)
    }
}

impl System for Fake {
    fn lookup(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        assert_eq!(host, "sync.test");
        (self.lookup)(self.lookups.fetch_add(1, Ordering::SeqCst))
    }

    fn connect(&self, address: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        (self.connect)(self.connects.fetch_add(1, Ordering::SeqCst), address, limit)
    }
}

/// Closes each connection after one answer, so that each request needs a new one.
fn one_answer_each() -> Server {
    Server::start(|connection| {
        connection.request();
        connection.write(answer("200 OK", "Connection: close\r\n", "{}"));
    })
}

fn no_such_name() -> io::Result<Vec<SocketAddr>> {
    Err(io::Error::other("no such name"))
}

#[test]
fn an_address_is_looked_up_once_for_many_connections() {
    let server = one_answer_each();
    let address = server.address;
    let fake = Fake::new(move |before| if before == 0 { Ok(vec![address]) } else { no_such_name() });
    let transport = fake.transport(address, |_| {});
    for connection in 0..3 {
        pull(&transport).unwrap();
        assert_eq!(server.received().connection, connection);
    }
}

#[test]
fn an_open_connection_needs_no_address() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let address = server.address;
    let lookups = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&lookups);
    let fake = Fake::new(move |before| {
        count.store(before + 1, Ordering::SeqCst);
        Ok(vec![address])
    });
    let transport = fake.transport(address, |options| options.limits.addresses = Duration::ZERO);
    for _ in 0..3 {
        pull(&transport).unwrap();
    }
    assert_eq!(lookups.load(Ordering::SeqCst), 1);
}

#[test]
fn an_old_address_is_better_than_none() {
    let server = one_answer_each();
    let address = server.address;
    let fake = Fake::new(move |before| if before == 0 { Ok(vec![address]) } else { no_such_name() });
    let transport = fake.transport(address, |options| options.limits.addresses = Duration::ZERO);
    for _ in 0..3 {
        pull(&transport).unwrap();
    }
}

#[test]
fn a_lookup_that_failed_is_tried_again_by_the_next_request() {
    let server = one_answer_each();
    let address = server.address;
    let fake = Fake::new(move |before| if before == 0 { no_such_name() } else { Ok(vec![address]) });
    let transport = fake.transport(address, |_| {});
    let error = pull(&transport).unwrap_err().to_string();
    assert!(
        error.starts_with("cannot reach http://sync.test:") && error.ends_with("no such name"),
        "{error}"
    );
    pull(&transport).unwrap();
}

#[test]
fn a_name_without_addresses_is_unreachable() {
    let transport = Fake::new(|_| Ok(Vec::new())).transport("127.0.0.1:9".parse().unwrap(), |_| {});
    let error = pull(&transport).unwrap_err().to_string();
    assert!(error.ends_with("the name has no address"), "{error}");
}

#[test]
fn after_a_failure_the_address_is_looked_up_again() {
    let server = one_answer_each();
    let address = server.address;
    let fake = Fake::new(move |_| Ok(vec![address])).connecting(|before, address, limit| match before {
        0 => Err(io::ErrorKind::ConnectionRefused.into()),
        _ => Native.connect(address, limit),
    });
    let fake = Fake {
        lookup: Box::new(move |before| match before {
            0 => Ok(vec!["192.0.2.1:9".parse().unwrap()]),
            _ => Ok(vec![address]),
        }),
        ..fake
    };
    let transport = fake.transport(address, |_| {});
    pull(&transport).unwrap_err();
    pull(&transport).unwrap();
}

#[test]
fn a_lookup_that_hangs_is_waited_for_so_long_and_left_behind() {
    let server = one_answer_each();
    let address = server.address;
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let fake = Fake::new(move |before| {
        if before == 0 {
            let _ = released.lock().unwrap().recv();
        }
        Ok(vec![address])
    });
    // Longer than a lookup is shared for, so that the second request starts its own.
    let limits = Limits { resolve: Duration::from_millis(1100), ..Limits::default() };
    let transport = fake.transport(address, |options| options.limits = limits);
    assert_eq!(phase(pull(&transport)), Phase::Resolve);
    pull(&transport).unwrap();
    drop(release);
}

#[test]
fn both_lanes_share_a_lookup() {
    let server = one_answer_each();
    let address = server.address;
    let (calls, called) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let fake = Fake::new(move |before| {
        calls.send(before).unwrap();
        let _ = released.lock().unwrap().recv();
        Ok(vec![address])
    });
    let transport = fake.transport(address, |_| {});
    let pull = pull_aside(&transport);
    called.recv_timeout(FOREVER).unwrap();
    let push = {
        let transport = Arc::clone(&transport);
        thread::spawn(move || read_all(transport.exchange(&request(Endpoint::Push)).unwrap()).unwrap())
    };
    drop(release);
    assert_eq!((pull.join().unwrap().unwrap(), push.join().unwrap()), (b"{}".to_vec(), b"{}".to_vec()));
    assert!(called.try_recv().is_err());
}

#[test]
fn the_next_address_is_tried_when_one_fails_and_families_take_turns() {
    let server = one_answer_each();
    let address = server.address;
    let listed = ["[2001:db8::1]:1", "[2001:db8::2]:2", "192.0.2.3:3", "192.0.2.4:4", "[2001:db8::5]:5"];
    let tried = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&tried);
    let fake = Fake::new(move |_| Ok(listed.map(|address| address.parse().unwrap()).to_vec())).connecting(
        move |before, tried, limit| {
            log.lock().unwrap().push((tried.port(), limit));
            match before {
                4 => Native.connect(address, limit),
                3 => Err(io::ErrorKind::TimedOut.into()),
                _ => Err(io::ErrorKind::NetworkUnreachable.into()),
            }
        },
    );
    pull(&fake.transport(address, |_| {})).unwrap();
    let tried = tried.lock().unwrap();
    assert_eq!(tried.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [1, 3, 2, 4, 5]);
    assert!(
        tried[0].1 <= Duration::from_millis(2500) && tried[4].1 > Duration::from_millis(2500),
        "{tried:?}"
    );
}

#[test]
fn a_connection_that_does_not_come_about_times_out() {
    for hang in [false, true] {
        let (release, released) = mpsc::channel::<()>();
        let released = Mutex::new(released);
        let address = "192.0.2.1:9".parse().unwrap();
        let fake = Fake::new(move |_| Ok(vec![address])).connecting(move |_, _, _| {
            if hang {
                let _ = released.lock().unwrap().recv();
            }
            Err(io::ErrorKind::TimedOut.into())
        });
        let limits = Limits { connect: Duration::from_millis(100), ..Limits::default() };
        let transport = fake.transport(address, |options| options.limits = limits);
        assert_eq!(phase(pull(&transport)), Phase::Connect);
        drop(release);
    }
}
