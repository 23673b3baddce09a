//! How a live socket ends: by itself, by its peer, or because nobody wants it any more.

use std::sync::{Mutex, mpsc};
use std::time::Instant;

use tungstenite::Message;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use ureq::tls::RootCerts;

use super::live::{Running, hint, hint_text, run};
use super::names::Fake;
use super::server::{Connection, Server, upgraded};
use super::tls;
use super::*;
use crate::net::watchdog::Limits;

fn is_interrupted(end: &LiveEnd) -> bool {
    matches!(end, LiveEnd::Failed(TransportError::Interrupted { .. }))
}

fn timed_out(end: LiveEnd) -> Phase {
    match end {
        LiveEnd::Failed(TransportError::TimedOut { phase, .. }) => phase,
        end => panic!("{end:?}"),
    }
}

fn with_limits(address: SocketAddr, limits: Limits) -> Arc<HttpTransport> {
    let mut options = options(address);
    options.limits = limits;
    build(options)
}

/// Asks after 20 ms, and does not wait for long.
fn impatient() -> Limits {
    let (ping, silence) = (Duration::from_millis(20), Duration::from_millis(200));
    Limits { ping, silence, ..Limits::default() }
}

/// Opens the socket and never says a word.
fn mute(connection: &mut Connection) {
    let accept = connection.upgrade().unwrap();
    connection.write(upgraded(&accept));
    connection.hold();
}

#[test]
fn a_peer_that_never_answers_is_not_waited_for() {
    let head = Duration::from_millis(150);
    let server = Server::start(|connection| {
        connection.upgrade();
        connection.hold();
    });
    let transport = with_limits(server.address, Limits { head, ..Limits::default() });
    assert_eq!(timed_out(run(&transport).ended()), Phase::Wait);

    let server = Server::start(|connection| {
        connection.upgrade();
        while connection.write("HTTP/1.1 101 X\r\n") {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let transport = with_limits(server.address, Limits { head, ..Limits::default() });
    assert_eq!(timed_out(run(&transport).ended()), Phase::Wait, "nor one that answers by the byte");

    let server = Server::start(Connection::hold);
    let mut options = tls::https(server.address, RootCerts::WebPki);
    options.limits = Limits { connect: Duration::from_millis(150), ..Limits::default() };
    assert_eq!(timed_out(run(&build(options)).ended()), Phase::Connect, "nor one that does not shake hands");
}

#[test]
fn a_peer_that_has_gone_without_a_word_is_noticed() {
    let server = Server::start(mute);
    let running = run(&with_limits(server.address, impatient()));
    assert_eq!(running.next(), LiveNews::Opened);
    assert_eq!(timed_out(running.ended()), Phase::Read);
}

#[test]
fn a_peer_that_sends_a_byte_now_and_then_is_as_good_as_gone() {
    let server = Server::start(|connection| {
        let accept = connection.upgrade().unwrap();
        connection.write(upgraded(&accept));
        // A text of 1 MiB, which never gets there.
        connection.write([0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 0]);
        while connection.write("x") {
            thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(timed_out(run(&with_limits(server.address, impatient())).ended()), Phase::Read);
}

#[test]
fn a_peer_that_answers_pings_is_there_although_it_has_nothing_to_say() {
    let server = Server::start(|connection| {
        let mut socket = connection.socket();
        let mut pings = 0;
        // Longer than a silence may last; reading answers.
        while pings < 30 {
            pings += u32::from(socket.read().unwrap().is_ping());
        }
        socket.send(hint_text(5)).unwrap();
        while socket.read().is_ok() {}
    });
    let running = run(&with_limits(server.address, impatient()));
    assert_eq!([running.next(), running.next()], [LiveNews::Opened, hint(5)]);
    running.socket.end();
    running.ended();
}

#[test]
fn a_peer_that_asks_and_asks_but_takes_no_answer_ends_it() {
    let server = Server::start(|connection| {
        let accept = connection.upgrade().unwrap();
        connection.write(upgraded(&accept));
        let pings = [[0x89, 100].as_slice(), &[b'x'; 100]].concat().repeat(100);
        while connection.write(&pings) {}
    });
    let phase = timed_out(run(&with_limits(server.address, impatient())).ended());
    assert!(matches!(phase, Phase::Read | Phase::Send), "{phase:?}");
}

#[test]
fn frames_that_no_server_may_send_end_it() {
    let mebibyte = 1024 * 1024;
    let fragment = |head: u8| {
        let mut frame = vec![head, 127, 0, 0, 0, 0, 0, 0x10, 0, 0];
        frame.resize(frame.len() + mebibyte, b'x');
        frame
    };
    for (what, bytes) in [
        ("a frame of 64 MiB", vec![0x81, 127, 0, 0, 0, 0, 4, 0, 0, 0]),
        ("a frame of 2^63 bytes", vec![0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("2 MiB in two frames", [fragment(0x01), fragment(0x80)].concat()),
        ("a masked frame", vec![0x81, 0x81, 1, 2, 3, 4, 5]),
        ("a reserved bit", vec![0xc1, 1, b'x']),
        ("an opcode that does not exist", vec![0x83, 0]),
        ("a long control frame", [vec![0x89, 126, 0, 200], vec![0; 200]].concat()),
        ("a control frame in pieces", vec![0x09, 0]),
        ("a continuation of nothing", vec![0x80, 0]),
        ("a text that is not UTF-8", vec![0x81, 2, 0xc3, 0x28]),
        ("another protocol", b"HTTP/1.1 200 OK\r\n\r\n".repeat(10)),
        ("its end in the middle of a frame", vec![0x81, 100, b'x']),
        ("its end", vec![]),
    ] {
        let server = Server::start(move |connection| {
            let accept = connection.upgrade().unwrap();
            connection.write(upgraded(&accept));
            connection.write(&bytes);
            if what.starts_with("its end") {
                connection.close();
            }
            connection.hold();
        });
        let end = run(&transport(server.address)).ended();
        assert!(matches!(end, LiveEnd::Failed(TransportError::Unreachable { .. })), "{what}: {end:?}");
    }
}

#[test]
fn a_server_that_closes_it_is_understood_and_its_words_are_not_repeated() {
    for (frame, words) in [
        (Some((CloseCode::Away, CANARY)), "(1001)"),
        (Some((CloseCode::Policy, CANARY)), "(1008)"),
        (Some((CloseCode::Library(4401), CANARY)), "(4401)"),
        (None, "the server has closed it"),
    ] {
        let server = Server::start(move |connection| {
            let mut socket = connection.socket();
            socket.read().unwrap();
            let frame = frame.map(|(code, reason)| CloseFrame { code, reason: reason.into() });
            socket.send(Message::Close(frame)).unwrap();
            while socket.read().is_ok() {}
        });
        let LiveEnd::Failed(error) = run(&transport(server.address)).ended() else { panic!("refused") };
        let sentence = error.to_string();
        assert!(sentence.contains(words) && !sentence.contains(CANARY), "{sentence}");
    }
}

fn ends(running: Running) {
    let start = Instant::now();
    running.socket.end();
    assert!(is_interrupted(&running.ended()));
    assert!(start.elapsed() < FOREVER);
}

/// Waits so long by itself that what ends sooner was ended.
fn patient() -> Limits {
    let forever = 2 * FOREVER;
    Limits { resolve: forever, connect: forever, head: forever, ..Limits::default() }
}

#[test]
fn it_can_be_ended_wherever_it_is() {
    let server = Server::start(mute);
    let running = run(&transport(server.address));
    assert_eq!(running.next(), LiveNews::Opened);
    ends(running);

    let silent = Server::start(|connection| {
        connection.upgrade();
        connection.hold();
    });
    let running = run(&with_limits(silent.address, patient()));
    silent.received();
    ends(running);

    let no_tls = Server::start(Connection::hold);
    let mut options = tls::https(no_tls.address, RootCerts::WebPki);
    options.limits = patient();
    let running = run(&build(options));
    no_tls.accepted();
    ends(running);
}

/// A system in which this hangs until the sender is dropped, and says when it begins to.
fn hanging() -> (impl Fn() + Send + Sync, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (begin, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let hang = move || {
        begin.send(()).unwrap();
        let _ = released.lock().unwrap().recv();
    };
    (hang, begun, release)
}

#[test]
fn it_can_be_ended_while_the_system_looks_for_its_peer() {
    let address: SocketAddr = "127.0.0.1:9".parse().unwrap();
    let (hang, begun, release) = hanging();
    let looking = Fake::new(move |_| {
        hang();
        Ok(vec![address])
    });
    let running = run(&looking.transport(address, |options| options.limits = patient()));
    begun.recv_timeout(FOREVER).unwrap();
    ends(running);
    drop(release);

    let (hang, begun, release) = hanging();
    let connecting = Fake::new(move |_| Ok(vec![address])).connecting(move |_, _, _| {
        hang();
        Err(io::ErrorKind::ConnectionRefused.into())
    });
    let running = run(&connecting.transport(address, |options| options.limits = patient()));
    begun.recv_timeout(FOREVER).unwrap();
    ends(running);
    drop(release);
}

#[test]
fn one_that_is_ended_before_it_runs_opens_nothing() {
    let server = Server::start(mute);
    let transport = transport(server.address);
    let socket = transport.live().unwrap();
    socket.end();
    assert!(is_interrupted(&socket.run("user:1", &mut |_| panic!("news"))));
    transport.shutdown();
    assert!(is_interrupted(&run(&transport).ended()), "as after a shutdown");
    assert!(server.is_done());
}

#[test]
fn a_shutdown_ends_it() {
    let server = Server::start(mute);
    let transport = transport(server.address);
    let running = run(&transport);
    assert_eq!(running.next(), LiveNews::Opened);
    transport.shutdown();
    assert!(is_interrupted(&running.ended()));
}

#[test]
fn requests_and_the_live_socket_do_not_end_each_other() {
    let server =
        Server::start(
            |connection| {
                if connection.number == 0 { mute(connection) } else { while connection.request() {} }
            },
        );
    let transport = transport(server.address);
    let running = run(&transport);
    assert_eq!(running.next(), LiveNews::Opened);
    let stuck = pull_aside(&transport);
    server.received();
    server.received();
    running.socket.end();
    running.ended();
    assert!(!stuck.is_finished());
    let again = run(&transport);
    transport.interrupt(Lane::Pull);
    assert!(super::is_interrupted(&stuck.join().unwrap()));
    assert!(!again.is_finished());
    ends(again);
}
