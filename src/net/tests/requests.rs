//! What is sent, and what is made of what comes back.

use std::io::Read;
use std::time::UNIX_EPOCH;

use super::server::{Server, answer, gzipped};
use super::*;

#[test]
fn a_request_carries_the_token_the_form_and_the_log_position() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let mut options = options(server.address);
    options.headers = vec![
        ("X-App".to_owned(), "7".to_owned()),
        ("X-Two".to_owned(), "a".to_owned()),
        ("X-Two".to_owned(), "b".to_owned()),
    ];
    let transport = build(options);
    let request =
        Request { endpoint: Endpoint::Push, log: Some("17:90c1".to_owned()), body: b"{\"a\":1}".to_vec() };
    read_all(transport.exchange(&request).unwrap()).unwrap();

    let received = server.received();
    assert!(received.head.starts_with("POST /_sync/push HTTP/1.1\n"), "{}", received.head);
    assert_eq!(received.body, b"{\"a\":1}");
    for (name, value) in [
        ("authorization", "Bearer canary-7f3a"),
        ("content-type", "application/json"),
        ("content-length", "7"),
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("mizu-sync", "1"),
        ("mizu-log", "17:90c1"),
        ("x-app", "7"),
        ("x-two", "a|b"),
        ("host", &server.address.to_string()),
        ("expect", ""),
        ("transfer-encoding", ""),
        ("cookie", ""),
    ] {
        assert_eq!(received.header(name), value, "{name}");
    }
}

#[test]
fn without_a_token_or_a_log_position_their_headers_are_not_sent() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let mut options = options(server.address);
    options.token = None;
    pull(&build(options)).unwrap();
    let received = server.received();
    assert_eq!(
        (received.header("authorization"), received.header("mizu-log")),
        (String::new(), String::new())
    );
}

#[test]
fn each_endpoint_has_its_path() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let transport = transport(server.address);
    for endpoint in [Endpoint::Push, Endpoint::Pull, Endpoint::Snapshot] {
        read_all(transport.exchange(&request(endpoint)).unwrap()).unwrap();
        let expected = format!("POST /_sync/{} HTTP/1.1\n", endpoint.path());
        assert!(server.received().head.starts_with(&expected));
    }
}

#[test]
fn a_new_token_is_used_from_the_next_request_on() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let transport = transport(server.address);
    for (token, header) in [(Some("second"), "Bearer second"), (None, ""), (Some("third"), "Bearer third")] {
        transport.set_token(token.map(|token| Token::new(token).unwrap()));
        pull(&transport).unwrap();
        assert_eq!(server.received().header("authorization"), header);
    }
}

#[test]
fn headers_that_cannot_be_sent_are_refused_at_once_and_without_their_value() {
    for (name, value, expected) in [
        ("X App", "v", "cannot be the name"),
        ("", "v", "cannot be the name"),
        ("X-App\r\nX-Evil", "v", "cannot be the name"),
        ("X-App", "canary\r\nX-Evil: 1", "x-app has a line break"),
        ("X-App", "canary\0", "x-app has a line break"),
        ("Authorization", "canary", "authorization is set by the SDK"),
        ("content-length", "7", "content-length is set by the SDK"),
        ("Transfer-Encoding", "chunked", "transfer-encoding is set by the SDK"),
        ("HOST", "canary", "host is set by the SDK"),
        ("Expect", "100-continue", "expect is set by the SDK"),
        ("Mizu-Sync", "2", "mizu-sync is set by the SDK"),
        ("Mizu-Log", "1:a", "mizu-log is set by the SDK"),
    ] {
        let mut options = options("127.0.0.1:1".parse().unwrap());
        options.headers = vec![(name.to_owned(), value.to_owned())];
        let error = HttpTransport::new(options).unwrap_err();
        assert!(error.to_string().contains(expected), "{name}: {error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{name}: {error}");
    }
}

#[test]
fn a_log_position_that_cannot_be_sent_fails_the_request_before_it_leaves() {
    let server = Server::answering(answer("200 OK", "", "{}"));
    let request = Request { log: Some("17:9\r\nX-Evil: 1".to_owned()), ..request(Endpoint::Pull) };
    let error = error_of(transport(server.address).exchange(&request));
    assert!(matches!(error, TransportError::Unreachable { .. }));
    assert!(server.is_done());
}

#[test]
fn token_and_headers_are_not_shown() {
    let refused = "127.0.0.1:1".parse().unwrap();
    let mut options = options(refused);
    options.headers = vec![("X-Key".to_owned(), CANARY.to_owned())];
    let mut shown = format!("{options:?}");
    assert!(shown.contains("X-Key") && shown.contains("http://127.0.0.1:1/_sync"), "{shown}");
    let transport = build(options);
    let error = error_of(transport.exchange(&request(Endpoint::Push)));
    shown += &format!("{transport:?} {error} {error:?} {:?}", io::Error::from(error.clone()));
    assert!(!shown.contains(CANARY), "{shown}");
}

#[test]
fn every_status_is_an_answer_with_its_body() {
    for status in
        [200, 201, 204, 206, 304, 400, 401, 403, 404, 405, 408, 410, 413, 425, 429, 500, 502, 503, 599]
    {
        let body = if matches!(status, 204 | 304) { "" } else { "{\"code\":\"x\"}" };
        let server = Server::answering(answer(&format!("{status} Whatever"), "", body));
        let response = transport(server.address).exchange(&request(Endpoint::Push)).unwrap();
        assert_eq!(response.status, status);
        assert_eq!(read_all(response).unwrap(), body.as_bytes(), "{status}");
    }
}

#[test]
fn a_redirect_is_an_answer_and_nothing_is_sent_to_its_target() {
    let target = Server::answering(answer("200 OK", "", "{}"));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: http://{}/_sync/pull\r\n", target.address);
        let server = Server::answering(answer(&format!("{status} Elsewhere"), &location, "moved"));
        let response = transport(server.address).exchange(&request(Endpoint::Pull)).unwrap();
        assert_eq!(response.status, status);
        assert_eq!(read_all(response).unwrap(), b"moved");
    }
    assert!(target.is_done());
}

#[test]
fn the_head_is_read_for_the_form_the_time_and_the_delay() {
    let headers = "Mizu-Sync: 1\r\nDate: Sat, 21 Nov 2026 09:00:00 GMT\r\nRetry-After: 120\r\n";
    let server = Server::answering(answer("503 Busy", headers, ""));
    let response = transport(server.address).exchange(&request(Endpoint::Push)).unwrap();
    assert!(response.extended);
    assert_eq!(response.server_time, Some(UNIX_EPOCH + Duration::from_secs(1_795_251_600)));
    assert_eq!(response.retry_after, Some(Duration::from_secs(120)));
}

#[test]
fn a_head_that_says_nothing_useful_is_no_error() {
    for headers in [
        "",
        "Date: yesterday\r\nRetry-After: soon\r\n",
        "Date: \u{e9}\r\nRetry-After: Sat, 21 Nov 2026 09:00:00 GMT\r\n",
        "Date: \r\nRetry-After: \r\n",
        "Retry-After: -5\r\n",
        "Retry-After: +5\r\n",
        "Retry-After: 1.5\r\n",
        "Retry-After: 99999999999999999999999999\r\n",
    ] {
        let server = Server::answering(answer("503 Busy", headers, ""));
        let response = transport(server.address).exchange(&request(Endpoint::Push)).unwrap();
        assert!(!response.extended);
        assert_eq!((response.server_time, response.retry_after), (None, None), "{headers}");
    }
}

#[test]
fn a_compressed_body_is_decompressed() {
    let server =
        Server::answering(answer("200 OK", "Content-Encoding: gzip\r\n", gzipped(b"{\"changes\":[]}")));
    let transport = transport(server.address);
    assert_eq!(pull(&transport).unwrap(), b"{\"changes\":[]}");
    assert_eq!(pull(&transport).unwrap(), b"{\"changes\":[]}");
    assert_eq!((server.received().connection, server.received().connection), (0, 0));
}

#[test]
fn a_compression_bomb_costs_no_more_than_is_read_of_it() {
    let bomb = gzipped(&vec![b'0'; 64 << 20]);
    assert!(bomb.len() < 400_000, "{}", bomb.len());
    let server = Server::answering(answer("200 OK", "Content-Encoding: gzip\r\n", bomb));
    let transport = transport(server.address);
    let response = transport.exchange(&request(Endpoint::Pull)).unwrap();
    let mut read = Vec::new();
    response.body.take(8 << 20).read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), 8 << 20);
    assert_eq!(transport.exchange(&request(Endpoint::Pull)).unwrap().status, 200, "and the next goes on");
}

#[test]
fn a_large_body_goes_both_ways() {
    let server = Server::start(|connection| {
        while connection.request() {
            connection.write(answer("200 OK", "", vec![b'a'; 3 << 20]));
        }
    });
    let body: Vec<u8> = (0..900 * 1024).map(|index| (index % 251) as u8).collect();
    let sent = Request { endpoint: Endpoint::Push, log: None, body: body.clone() };
    let response = transport(server.address).exchange(&sent).unwrap();
    assert_eq!(read_all(response).unwrap().len(), 3 << 20);
    assert!(server.received().body == body);
}

#[test]
fn requests_share_a_connection_and_lanes_do_not() {
    let server = Server::answering(answer("200 OK", "Transfer-Encoding: identity\r\n", "{}"));
    let transport = transport(server.address);
    let mut connections = Vec::new();
    for endpoint in [Endpoint::Pull, Endpoint::Snapshot, Endpoint::Push, Endpoint::Pull, Endpoint::Push] {
        read_all(transport.exchange(&request(endpoint)).unwrap()).unwrap();
        connections.push(server.received().connection);
    }
    assert_eq!(connections, [0, 0, 1, 0, 1]);
}

#[test]
fn interim_answers_are_skipped() {
    let interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nMizu-Sync: 1\r\n\r\n".to_vec();
    let server = Server::answering([interim, answer("200 OK", "", "{}")].concat());
    let transport = transport(server.address);
    for _ in 0..2 {
        let response = transport.exchange(&request(Endpoint::Pull)).unwrap();
        assert_eq!((response.status, response.extended), (200, false));
        assert_eq!(read_all(response).unwrap(), b"{}");
    }
}
