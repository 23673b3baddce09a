//! Peers that are not there, fall silent, drip, or hang up.

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc;

use super::server::{Server, answer, gzipped};
use super::*;
use crate::net::watchdog::Limits;

/// So short that a silent peer costs a test nothing.
const SHORT: Duration = Duration::from_millis(150);

/// Has little patience with a head, and the usual one otherwise.
fn impatient_for_head(address: SocketAddr) -> Arc<HttpTransport> {
    with_limits(address, Limits { head: SHORT, ..Limits::default() })
}

/// Has little patience with a body, and the usual one otherwise.
fn impatient_for_body(address: SocketAddr) -> Arc<HttpTransport> {
    with_limits(address, Limits { window: SHORT, ..Limits::default() })
}

fn with_limits(address: SocketAddr, limits: Limits) -> Arc<HttpTransport> {
    let mut options = options(address);
    options.limits = limits;
    build(options)
}

fn unreachable_reason<T>(result: Result<T, TransportError>) -> String {
    match result {
        Err(TransportError::Unreachable { reason, .. }) => reason,
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("an answer"),
    }
}

#[test]
fn a_refused_connection_says_so_and_names_the_url() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = error_of(transport(address).exchange(&request(Endpoint::Pull)));
    let sentence = error.to_string();
    assert!(sentence.starts_with(&format!("cannot reach http://{address}/_sync/pull: ")), "{sentence}");
    assert!(sentence.to_lowercase().contains("refused"), "{sentence}");
}

#[test]
fn a_name_that_does_not_exist_is_unreachable() {
    let base = BaseUrl::parse("https://nonexistent.invalid/_sync", false).unwrap();
    match error_of(build(HttpOptions::new(base)).exchange(&request(Endpoint::Push))) {
        // Where there is no resolver to say no, the system may take its time.
        TransportError::TimedOut { phase, .. } => assert_eq!(phase, Phase::Resolve),
        TransportError::Unreachable { url, reason } => {
            assert_eq!(url, "https://nonexistent.invalid/_sync/push");
            assert!(!reason.is_empty());
        }
        error => panic!("{error:?}"),
    }
}

#[test]
fn a_peer_that_never_answers_is_given_up() {
    let server = Server::start(|connection| {
        connection.request();
        connection.hold();
    });
    assert_eq!(phase(pull(&impatient_for_head(server.address))), Phase::Wait);
}

#[test]
fn a_head_that_drips_is_given_up() {
    let server = Server::start(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nX-Endless: ");
        while connection.write("x") {
            thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(phase(pull(&impatient_for_head(server.address))), Phase::Wait);
}

#[test]
fn a_peer_that_falls_silent_in_mid_body_is_given_up() {
    let server = Server::start(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
        connection.hold();
    });
    assert_eq!(phase(pull(&impatient_for_body(server.address))), Phase::Read);
}

#[test]
fn a_body_that_drips_is_given_up() {
    for framing in [
        "Content-Length: 1000000\r\n\r\n",
        "Connection: close\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nF4240\r\n",
    ] {
        let server = Server::start(move |connection| {
            connection.request();
            connection.write(format!("HTTP/1.1 200 OK\r\n{framing}"));
            while connection.write("x") {
                thread::sleep(Duration::from_millis(5));
            }
        });
        assert_eq!(phase(pull(&impatient_for_body(server.address))), Phase::Read, "{framing}");
    }
}

#[test]
fn a_compressed_body_is_measured_before_decompression() {
    // One byte after the other of a stream that never gives any output.
    let server = Server::start(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n");
        connection.write([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]);
        while connection.write("x") {
            thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(phase(pull(&impatient_for_body(server.address))), Phase::Read);
}

#[test]
fn a_slow_body_may_take_longer_than_the_window_in_all() {
    let server = Server::start(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 245760\r\n\r\n");
        for _ in 0..60 {
            connection.write([b'x'; 4096]);
            thread::sleep(Duration::from_millis(40));
        }
    });
    let limits = Limits { window: Duration::from_secs(2), ..Limits::default() };
    assert_eq!(pull(&with_limits(server.address, limits)).unwrap().len(), 245_760);
}

#[test]
fn the_time_that_a_reader_takes_for_itself_does_not_count() {
    let server = Server::answering(answer("200 OK", "", vec![b'x'; 1 << 20]));
    let limits = Limits { window: Duration::from_secs(1), ..Limits::default() };
    let mut response = with_limits(server.address, limits).exchange(&request(Endpoint::Pull)).unwrap();
    response.body.read_exact(&mut [0; 1000]).unwrap();
    thread::sleep(Duration::from_millis(1200));
    assert_eq!(read_all(response).unwrap().len(), (1 << 20) - 1000);
}

#[test]
fn an_upload_that_nobody_takes_is_given_up() {
    let (stop, stopped) = mpsc::channel::<()>();
    let stopped = Mutex::new(stopped);
    let server = Server::start(move |_| {
        let _ = stopped.lock().unwrap().recv();
    });
    let body = vec![b'x'; 64 << 20];
    let huge = Request { endpoint: Endpoint::Push, log: None, body };
    assert_eq!(phase(impatient_for_body(server.address).exchange(&huge)), Phase::Send);
    drop(stop);
}

#[test]
fn an_answer_that_ends_early_is_unreachable_and_stays_so() {
    for beginning in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nhalf",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n\x1f",
    ] {
        let server = Server::start(move |connection| {
            connection.request();
            connection.write(beginning);
        });
        let mut response = transport(server.address).exchange(&request(Endpoint::Pull)).unwrap();
        for _ in 0..3 {
            // Never an end that looks as if the body were complete.
            let error = response.body.read_to_end(&mut Vec::new()).unwrap_err();
            let error = TransportError::from_io("?", &error);
            let TransportError::Unreachable { url, .. } = error else { panic!("{beginning}: {error:?}") };
            assert_eq!(url, format!("http://{}/_sync/pull", server.address));
        }
    }
}

#[test]
fn a_connection_that_closes_without_an_answer_is_unreachable() {
    for beginning in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"] {
        let server = Server::start(move |connection| {
            connection.request();
            connection.write(beginning);
        });
        unreachable_reason(pull(&transport(server.address)));
        server.received();
        assert!(server.is_done(), "a request on a new connection is not repeated");
    }
}

#[test]
fn what_is_not_http_is_unreachable() {
    for nonsense in ["SSH-2.0-OpenSSH_9.9\r\n\r\n", "\0\0\0\0\r\n\r\n", "HTTP/9 abc\r\n\r\n"] {
        let server = Server::answering(nonsense);
        let reason = unreachable_reason(pull(&transport(server.address)));
        assert!(reason.contains("not HTTP"), "{reason}");
    }
}

#[test]
fn an_endless_head_is_unreachable() {
    let server = Server::start(|connection| {
        connection.request();
        connection.write("HTTP/1.1 200 OK\r\nX-Endless: ");
        while connection.write([b'x'; 4096]) {}
    });
    unreachable_reason(pull(&transport(server.address)));
}

#[test]
fn a_body_that_goes_on_without_any_content_is_given_up() {
    let chunk =
        |bytes: Vec<u8>| [format!("{:x}\r\n", bytes.len()).into_bytes(), bytes, b"\r\n".to_vec()].concat();
    let gzip = "Content-Encoding: gzip\r\n";
    let beginning = chunk(vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    let kinds = [
        ("empty gzip members", gzip, Vec::new(), chunk(gzipped(b"").repeat(500))),
        ("empty deflate blocks", gzip, beginning, chunk([0, 0, 0, 0xff, 0xff].repeat(2000))),
        ("trailers", "", b"2\r\n{}\r\n0\r\n".to_vec(), b"X-A: b\r\n".repeat(500)),
    ];
    for (kind, header, first, again) in kinds {
        let server = Server::start(move |connection| {
            connection.request();
            connection.write(format!("HTTP/1.1 200 OK\r\n{header}Transfer-Encoding: chunked\r\n\r\n"));
            connection.write(&first);
            // Not for ever, so that a reader who does not give up fails this test instead of hanging in it.
            let mut left = 64 << 20;
            while connection.write(&again) && left > 0 {
                left -= again.len() as i64;
            }
        });
        let reason = unreachable_reason(pull(&transport(server.address)));
        assert!(reason.contains("without any content"), "{kind}: {reason}");
    }
}

#[test]
fn a_body_in_the_smallest_of_chunks_is_read_whole() {
    let mut body = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    body.extend(b"1\r\nx\r\n".repeat(1 << 20));
    body.extend(b"0\r\n\r\n");
    let server = Server::answering(body);
    let transport = transport(server.address);
    for _ in 0..2 {
        assert_eq!(pull(&transport).unwrap().len(), 1 << 20);
    }
    assert_eq!((server.received().connection, server.received().connection), (0, 0));
}

#[test]
fn damaged_compression_is_unreachable() {
    let server = Server::answering(answer("200 OK", "Content-Encoding: gzip\r\n", "this is not gzip at all"));
    let reason = unreachable_reason(pull(&transport(server.address)));
    assert!(reason.contains("damaged"), "{reason}");
}

#[test]
fn a_request_on_a_connection_that_the_server_gave_up_is_sent_again() {
    let server = Server::start(|connection| {
        connection.request();
        connection.write(answer("200 OK", "", "{}"));
        // The first connection takes a second request and closes without a word.
        if connection.number > 0 || !connection.request() {
            connection.hold();
        }
    });
    let transport = transport(server.address);
    pull(&transport).unwrap();
    pull(&transport).unwrap();
    let connections =
        [server.received(), server.received(), server.received()].map(|request| request.connection);
    assert_eq!(connections, [0, 0, 1]);
}

#[test]
fn a_connection_closed_while_it_was_idle_is_replaced() {
    let (closed, is_closed) = mpsc::channel();
    let closed = Mutex::new(Some(closed));
    let server = Server::start(move |connection| {
        connection.request();
        connection.write(answer("200 OK", "", "{}"));
        if let Some(closed) = closed.lock().unwrap().take() {
            connection.close();
            closed.send(()).unwrap();
        } else {
            connection.hold();
        }
    });
    let transport = transport(server.address);
    pull(&transport).unwrap();
    is_closed.recv_timeout(FOREVER).unwrap();
    pull(&transport).unwrap();
    assert_eq!([server.received(), server.received()].map(|request| request.connection), [0, 1]);
    assert!(server.is_done());
}

#[test]
fn mutilated_answers_neither_panic_nor_hang() {
    let plain = b"HTTP/1.1 200 OK\r\nMizu-Sync: 1\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\n\
        Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n";
    let packed = answer("200 OK", "Content-Encoding: gzip\r\nRetry-After: 7\r\n", gzipped(b"{\"a\":1}"));
    let server = Server::start(move |connection| {
        if connection.request() {
            let mut random = fastrand::Rng::with_seed(connection.number as u64);
            let mut answer = if random.bool() { plain.to_vec() } else { packed.clone() };
            for _ in 0..random.usize(1..6) {
                let at = random.usize(0..answer.len());
                match random.u8(0..4) {
                    0 => answer[at] = random.u8(..),
                    1 => drop(answer.remove(at)),
                    2 => answer.insert(at, b"\r\n:; 09\0\xff"[random.usize(0..9)]),
                    _ => answer.extend_from_within(at..),
                }
            }
            connection.write(answer);
        }
    });
    let transport = transport(server.address);
    let mut intact = 0;
    for number in 0..500 {
        match pull(&transport) {
            Ok(body) => intact += usize::from(body == b"{\"a\":1}"),
            Err(TransportError::Unreachable { .. }) => {}
            Err(error) => panic!("{number}: {error:?}"),
        }
        transport.interrupt(Lane::Pull);
    }
    assert!((10..490).contains(&intact), "{intact}");
}
