//! The live socket: what it asks, what it tells, and what it makes of a server that does not speak it.

use std::io::Write as _;
use std::sync::mpsc::{self, Receiver};

use mizu_sync_protocol::Cursor;
use tungstenite::Message;
use ureq::tls::RootCerts;

use super::server::{Connection, Server, answer, upgraded};
use super::tls::{self, Authority};
use super::*;

pub(super) const SCOPE: &str = "user:1";

/// A live socket that runs on a thread of its own.
pub(super) struct Running {
    pub(super) socket: Arc<dyn LiveSocket>,
    news: Receiver<LiveNews>,
    thread: JoinHandle<LiveEnd>,
}

pub(super) fn run(transport: &HttpTransport) -> Running {
    let socket = transport.live().unwrap();
    let (tell, news) = mpsc::channel();
    let theirs = Arc::clone(&socket);
    let thread = thread::spawn(move || theirs.run(SCOPE, &mut |told| tell.send(told).unwrap()));
    Running { socket, news, thread }
}

impl Running {
    /// The next that it tells, waited for.
    pub(super) fn next(&self) -> LiveNews {
        self.news.recv_timeout(FOREVER).expect("news")
    }

    pub(super) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// How it ended; what it told before is not asked for any more.
    pub(super) fn ended(self) -> LiveEnd {
        self.thread.join().unwrap()
    }
}

pub(super) fn hint(number: u64) -> LiveNews {
    LiveNews::Hint(Cursor::new(number).unwrap())
}

pub(super) fn hint_text(number: u64) -> Message {
    Message::text(format!(r#"{{"topic":"sync:{SCOPE}","data":{{"cursor":{number}}}}}"#))
}

const ACK: &str = r#"{"topic":"sync:user:1","data":{"type":"ack","ref":"1"}}"#;

/// Acknowledges, hints at 7, and stays.
fn well_behaved(connection: &mut Connection) {
    let mut socket = connection.socket();
    let subscribe = socket.read().unwrap().into_text().unwrap();
    assert!(subscribe.contains(r#""topic":"sync:user:1""#), "{subscribe}");
    socket.send(Message::text(ACK)).unwrap();
    socket.send(hint_text(7)).unwrap();
    while socket.read().is_ok() {}
}

fn reason(end: LiveEnd) -> String {
    match end {
        LiveEnd::Failed(TransportError::Unreachable { reason, .. }) => reason,
        end => panic!("{end:?}"),
    }
}

#[test]
fn it_asks_as_the_requests_do_and_tells_what_comes() {
    let server = Server::start(well_behaved);
    let mut options = options(server.address);
    options.headers = vec![("X-Key".to_owned(), "abc".to_owned())];
    let running = run(&build(options));
    assert_eq!(
        [running.next(), running.next(), running.next()],
        [LiveNews::Opened, LiveNews::Subscribed, hint(7)]
    );
    let request = server.received();
    assert!(request.head.starts_with("GET /ws HTTP/1.1\n"), "{}", request.head);
    for (name, value) in [
        ("host", server.address.to_string()),
        ("authorization", format!("Bearer {CANARY}")),
        ("x-key", "abc".to_owned()),
        ("mizu-sync", "1".to_owned()),
        ("user-agent", concat!("mizu-sync/", env!("CARGO_PKG_VERSION")).to_owned()),
        ("content-type", String::new()),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    running.socket.end();
    let url = format!("ws://{}/ws", server.address);
    assert_eq!(running.ended(), LiveEnd::Failed(TransportError::Interrupted { url }));
}

#[test]
fn the_newest_token_is_sent() {
    let server = Server::start(well_behaved);
    let transport = transport(server.address);
    let before = transport.live().unwrap();
    transport.set_token(Some(Token::new("another").unwrap()));
    let after = thread::spawn(move || before.run(SCOPE, &mut |_| {}));
    assert_eq!(server.received().header("authorization"), "Bearer another");
    transport.set_token(None);
    let running = run(&transport);
    assert_eq!(server.received().header("authorization"), "");
    transport.shutdown();
    running.ended();
    after.join().unwrap();
}

#[test]
fn headers_of_the_handshake_cannot_be_configured() {
    let mut options = options("127.0.0.1:9".parse().unwrap());
    options.headers = vec![("Sec-WebSocket-Protocol".to_owned(), "chat".to_owned())];
    let error = HttpTransport::new(options).err();
    assert_eq!(error, Some(HeaderError::Reserved("sec-websocket-protocol".to_owned())));
}

#[test]
fn what_is_not_a_hint_is_passed_over() {
    let server = Server::start(|connection| {
        let mut socket = connection.socket();
        socket.read().unwrap();
        for message in [
            Message::text("not json"),
            Message::text(r#"{"topic":"sync:user:2","data":{"cursor":6}}"#),
            Message::binary(vec![0, 159, 146, 150]),
            Message::Ping("are you there".into()),
            Message::Pong("unasked".into()),
            Message::text("x".repeat(1024 * 1024)),
        ] {
            socket.send(message).unwrap();
        }
        assert_eq!(socket.read().unwrap(), Message::Pong("are you there".into()));
        // In three pieces, with a control frame between them.
        let text = hint_text(8).into_data();
        let (first, rest) = text.split_at(9);
        let (second, third) = rest.split_at(9);
        let stream = socket.get_mut();
        for (head, payload) in [(0x01, first), (0x89, &b""[..]), (0x00, second), (0x80, third)] {
            stream.write_all(&[head, payload.len() as u8]).unwrap();
            stream.write_all(payload).unwrap();
        }
        stream.flush().unwrap();
        while socket.read().is_ok() {}
    });
    let running = run(&transport(server.address));
    assert_eq!([running.next(), running.next()], [LiveNews::Opened, hint(8)]);
    running.socket.end();
    running.ended();
}

#[test]
fn a_hint_that_comes_in_the_same_packet_as_the_handshake_is_not_lost() {
    let server = Server::start(|connection| {
        let accept = connection.upgrade().unwrap();
        let text = hint_text(9).into_data();
        let mut bytes = upgraded(&accept).into_bytes();
        bytes.extend([0x81, text.len() as u8]);
        bytes.extend(&text);
        connection.write(bytes);
        connection.hold();
    });
    let running = run(&transport(server.address));
    assert_eq!([running.next(), running.next()], [LiveNews::Opened, hint(9)]);
    running.socket.end();
    running.ended();
}

#[test]
fn an_answer_other_than_101_is_told_with_its_status_and_no_redirect_is_followed() {
    for status in ["200 OK", "301 Moved", "401 Unauthorized", "403 Forbidden", "404 X", "500 X", "503 X"] {
        let server = Server::start(move |connection| {
            connection.upgrade();
            connection.write(answer(status, "Location: /elsewhere\r\n", "words"));
            connection.hold();
        });
        let end = run(&transport(server.address)).ended();
        let number = status.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(end, LiveEnd::Refused { status: number });
        server.received();
        assert!(server.is_done());
    }
}

#[test]
fn an_answer_that_is_no_websockets_is_refused() {
    let long = format!("HTTP/1.1 101 X\r\nX: {}\r\n", "x".repeat(20_000));
    for (answer, words) in [
        (
            "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
            "as a WebSocket does not",
        ),
        (
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
            "as a WebSocket does not",
        ),
        (
            "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
            "does not",
        ),
        ("HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "another request"),
        (
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "another request",
        ),
        (
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
            "an extension",
        ),
        (
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\
             Sec-WebSocket-Protocol: chat\r\n\r\n",
            "another protocol",
        ),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n", "not HTTP"),
        ("HTTP/1.1 abc\r\n\r\n", "not HTTP"),
        (&*long, "too long"),
        ("", "end of file"),
    ] {
        let bytes = answer.to_owned();
        let server = Server::start(move |connection| {
            let accept = connection.upgrade().unwrap();
            connection.write(bytes.replace("KEY", &accept));
            connection.close();
        });
        let reason = reason(run(&transport(server.address)).ended());
        assert!(reason.contains(words), "{answer}: {reason}");
    }
}

#[test]
fn a_handshake_in_other_words_is_understood() {
    let server = Server::start(|connection| {
        let accept = connection.upgrade().unwrap();
        connection.write(format!(
            "HTTP/1.1 101 Web Socket Protocol Handshake\r\nDate: x\r\nconnection: keep-alive, upgrade\r\n\
             UPGRADE: WebSocket\r\nsec-websocket-accept: {accept}\r\n\r\n"
        ));
        connection.hold();
    });
    let running = run(&transport(server.address));
    assert_eq!(running.next(), LiveNews::Opened);
    running.socket.end();
    running.ended();
}

#[test]
fn a_good_certificate_is_taken_for_the_live_socket_too() {
    let authority = Authority::new();
    let server = tls::server(Some(&authority), &["127.0.0.1"], |_| {}, well_behaved);
    let running = run(&build(tls::https(server.address, authority.roots())));
    assert_eq!(
        [running.next(), running.next(), running.next()],
        [LiveNews::Opened, LiveNews::Subscribed, hint(7)]
    );
    running.socket.end();
    let url = format!("wss://{}/ws", server.address);
    assert_eq!(running.ended(), LiveEnd::Failed(TransportError::Interrupted { url }));
}

#[test]
fn bad_certificates_are_refused_before_the_token_is_sent() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let here = ["127.0.0.1"];
    for (what, server, roots) in [
        ("of a stranger", tls::server(Some(&stranger), &here, |_| {}, well_behaved), authority.roots()),
        (
            "of a private authority",
            tls::server(Some(&authority), &here, |_| {}, well_behaved),
            RootCerts::WebPki,
        ),
        (
            "for a name",
            tls::server(Some(&authority), &["localhost"], |_| {}, well_behaved),
            authority.roots(),
        ),
    ] {
        let end = run(&build(tls::https(server.address, roots))).ended();
        let LiveEnd::Failed(TransportError::Tls { reason, .. }) = &end else { panic!("{what}: {end:?}") };
        assert!(reason.contains("certificate"), "{what}: {reason}");
        assert!(server.is_done(), "{what}");
    }
}
