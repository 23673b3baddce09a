//! Interrupts and the shutdown, in every place where a request can be.

use std::io::Read;
use std::sync::{Mutex, mpsc};
use std::time::Instant;

use super::names::Fake;
use super::server::{Server, answer};
use super::*;
use crate::net::watchdog::Limits;

/// Answers every connection's requests, except that the first never gets beyond this beginning of an answer.
fn stuck_first(beginning: &'static str) -> Server {
    Server::start(move |connection| {
        while connection.request() {
            if connection.number > 0 {
                connection.write(answer("200 OK", "", "{}"));
            } else {
                connection.write(beginning);
                connection.hold();
            }
        }
    })
}

#[test]
fn a_request_that_waits_for_its_answer_ends() {
    let server = stuck_first("");
    let transport = transport(server.address);
    let stuck = pull_aside(&transport);
    server.received();
    transport.interrupt(Lane::Pull);
    let result = stuck.join().unwrap();
    assert_eq!(
        result,
        Err(TransportError::Interrupted { url: format!("http://{}/_sync/pull", server.address) })
    );
}

#[test]
fn requests_after_an_interrupt_work_on_a_new_connection() {
    let server = stuck_first("");
    let transport = transport(server.address);
    let stuck = pull_aside(&transport);
    server.received();
    transport.interrupt(Lane::Pull);
    assert!(is_interrupted(&stuck.join().unwrap()));
    for _ in 0..2 {
        assert_eq!(pull(&transport).unwrap(), b"{}");
        assert_eq!(server.received().connection, 1);
    }
}

#[test]
fn the_other_lane_is_not_interrupted() {
    let server = stuck_first("");
    let transport = transport(server.address);
    let stuck = pull_aside(&transport);
    server.received();
    for _ in 0..2 {
        read_all(transport.exchange(&request(Endpoint::Push)).unwrap()).unwrap();
        transport.interrupt(Lane::Push);
    }
    assert!(!stuck.is_finished());
    transport.interrupt(Lane::Pull);
    assert!(is_interrupted(&stuck.join().unwrap()));
}

#[test]
fn a_body_that_is_being_read_ends() {
    // The last has no length: shutting its connection down must not look like its end.
    for beginning in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf",
    ] {
        let server = stuck_first(beginning);
        let transport = transport(server.address);
        let mut response = transport.exchange(&request(Endpoint::Snapshot)).unwrap();
        response.body.read_exact(&mut [0; 4]).unwrap();
        let reader = thread::spawn(move || response.body.read(&mut [0; 4]).unwrap_err());
        transport.interrupt(Lane::Pull);
        let error = TransportError::from_io("?", &reader.join().unwrap());
        assert!(matches!(error, TransportError::Interrupted { .. }), "{error:?}");
    }
}

#[test]
fn an_answer_that_has_come_is_not_read_on() {
    let server = Server::answering(answer("200 OK", "", "all of it is in the buffers already"));
    let transport = transport(server.address);
    let mut response = transport.exchange(&request(Endpoint::Pull)).unwrap();
    response.body.read_exact(&mut [0; 3]).unwrap();
    transport.interrupt(Lane::Pull);
    for _ in 0..2 {
        let error = response.body.read(&mut [0; 3]).unwrap_err();
        assert!(matches!(TransportError::from_io("?", &error), TransportError::Interrupted { .. }));
    }
}

/// Waits so long by itself that what ends sooner was interrupted.
fn patient(options: &mut HttpOptions) {
    options.limits = Limits { resolve: 2 * FOREVER, connect: 2 * FOREVER, ..Limits::default() };
}

#[test]
fn a_request_that_waits_for_an_address_ends() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let address = server.address;
    let (calls, called) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let fake = Fake::new(move |_| {
        calls.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
        Ok(vec![address])
    });
    let transport = fake.transport(address, patient);
    let stuck = pull_aside(&transport);
    called.recv_timeout(FOREVER).unwrap();
    let start = Instant::now();
    transport.interrupt(Lane::Pull);
    assert!(is_interrupted(&stuck.join().unwrap()));
    assert!(start.elapsed() < FOREVER);
    drop(release);
    assert_eq!(pull(&transport).unwrap(), b"{}");
}

#[test]
fn a_request_that_is_connecting_ends() {
    let (calls, called) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let address = "127.0.0.1:9".parse().unwrap();
    let fake = Fake::new(move |_| Ok(vec![address])).connecting(move |_, _, _| {
        calls.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
        Err(io::ErrorKind::ConnectionRefused.into())
    });
    let transport = fake.transport(address, patient);
    let stuck = pull_aside(&transport);
    called.recv_timeout(FOREVER).unwrap();
    let start = Instant::now();
    transport.interrupt(Lane::Pull);
    assert!(is_interrupted(&stuck.join().unwrap()));
    assert!(start.elapsed() < FOREVER);
    drop(release);
}

#[test]
fn an_interrupt_with_nothing_in_flight_changes_nothing() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let transport = transport(server.address);
    transport.interrupt(Lane::Pull);
    pull(&transport).unwrap();
    transport.interrupt(Lane::Pull);
    transport.interrupt(Lane::Pull);
    pull(&transport).unwrap();
}

#[test]
fn a_shutdown_ends_both_lanes_and_all_later_requests() {
    let server = Server::start(|connection| {
        connection.request();
        connection.hold();
    });
    let transport = transport(server.address);
    let pull_stuck = pull_aside(&transport);
    let push_stuck = {
        let transport = Arc::clone(&transport);
        thread::spawn(move || error_of(transport.exchange(&request(Endpoint::Push))))
    };
    server.received();
    server.received();
    transport.shutdown();
    assert!(is_interrupted(&pull_stuck.join().unwrap()));
    assert!(matches!(push_stuck.join().unwrap(), TransportError::Interrupted { .. }));
    transport.shutdown();
    transport.interrupt(Lane::Pull);
    for endpoint in [Endpoint::Push, Endpoint::Pull, Endpoint::Snapshot] {
        assert!(is_interrupted(&transport.exchange(&request(endpoint)).map(|_| ())));
    }
    assert!(server.is_done());
}

#[test]
fn a_shutdown_closes_idle_connections() {
    let (closed, is_closed) = mpsc::channel();
    let server = Server::start(move |connection| {
        connection.request();
        connection.write(answer("200 OK", "", "{}"));
        connection.hold();
        closed.send(()).unwrap();
    });
    let transport = transport(server.address);
    pull(&transport).unwrap();
    transport.shutdown();
    is_closed.recv_timeout(FOREVER).unwrap();
}

#[test]
fn a_shutdown_before_the_first_request_ends_it_too() {
    let transport = transport("127.0.0.1:9".parse().unwrap());
    transport.shutdown();
    assert!(is_interrupted(&pull(&transport)));
}

#[test]
fn interrupts_at_any_moment_leave_the_transport_well() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let transport = transport(server.address);
    let pulls = {
        let transport = Arc::clone(&transport);
        thread::spawn(move || {
            for _ in 0..300 {
                let result = pull(&transport);
                assert!(is_interrupted(&result) || result.as_deref() == Ok(b"{}"), "{result:?}");
            }
        })
    };
    while !pulls.is_finished() {
        transport.interrupt(Lane::Pull);
        thread::yield_now();
    }
    pulls.join().unwrap();
    assert_eq!(pull(&transport).unwrap(), b"{}");
}
