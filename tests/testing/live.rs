//! Hints over WebSockets, asked for without a client.

use std::net::TcpStream;

use mizu_sync::testing::{SOON, Server};
use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::{Error, Message, WebSocket};

use crate::{SCOPE, Todo};

type Socket = WebSocket<TcpStream>;

/// Opens a socket; gives the status where it is refused.
fn open(server: &Server, token: Option<&str>) -> Result<Socket, u16> {
    let origin = server.url().replace("/_sync", "").replace("http://", "");
    let stream = TcpStream::connect(&origin).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut request = format!("ws://{origin}/ws").into_client_request().unwrap();
    if let Some(token) = token {
        request.headers_mut().insert("Authorization", format!("Bearer {token}").parse().unwrap());
    }
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

fn subscribe(socket: &mut Socket, scope: &str) {
    let text = json!({ "type": "subscribe", "topic": format!("sync:{scope}"), "ref": "1",
        "data": { "type": "subscribe", "ref": "1" } });
    socket.send(Message::text(text.to_string())).unwrap();
}

fn hear(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn subscribed(server: &Server, scope: &str) -> Socket {
    let mut socket = open(server, None).unwrap();
    subscribe(&mut socket, scope);
    let ack = json!({ "topic": format!("sync:{scope}"), "data": { "type": "ack", "ref": "1" } });
    assert_eq!(hear(&mut socket), ack);
    socket
}

fn hint(cursor: u64) -> Value {
    json!({ "topic": "sync:user:1", "data": { "cursor": cursor } })
}

#[test]
fn who_has_subscribed_is_told_of_changes_by_anybody() {
    let server = Server::start();
    let mut socket = subscribed(&server, SCOPE);
    server.wait_for_subscription(SCOPE);
    server.put("user:2", "todo", "t1", &Todo::new("not mine"));
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    assert_eq!(hear(&mut socket), hint(2));
    let phone = server.client(SCOPE);
    phone.collection("todo").create("t2", Todo::new("Bread")).unwrap();
    assert_eq!(hear(&mut socket), hint(3));
}

#[test]
fn what_changes_nothing_is_no_hint() {
    let server = Server::start();
    let mut socket = subscribed(&server, SCOPE);
    server.delete(SCOPE, "todo", "t1");
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    assert_eq!(hear(&mut socket), hint(1));
}

#[test]
fn rubbish_is_passed_over() {
    let server = Server::start();
    let mut socket = open(&server, None).unwrap();
    for text in ["not json", "7", r#"{"topic":"x"}"#, r#"{"type":"subscribe","topic":"room:1"}"#] {
        socket.send(Message::text(text)).unwrap();
    }
    subscribe(&mut socket, SCOPE);
    assert_eq!(hear(&mut socket)["data"]["type"], "ack");
}

#[test]
fn a_ping_is_answered() {
    let server = Server::start();
    let mut socket = subscribed(&server, SCOPE);
    socket.send(Message::Ping("are you there".into())).unwrap();
    assert!(matches!(socket.read().unwrap(), Message::Pong(text) if &text[..] == b"are you there"));
}

#[test]
fn without_live_a_socket_is_refused_with_500_and_open_ones_end() {
    let server = Server::start();
    let mut socket = subscribed(&server, SCOPE);
    server.live(false);
    assert!(socket.read().is_err());
    assert_eq!(open(&server, None).map(drop), Err(500));
    server.live(true);
    subscribed(&server, SCOPE);
}

#[test]
fn sockets_that_were_dropped_can_be_opened_again() {
    let server = Server::start();
    let mut socket = subscribed(&server, SCOPE);
    server.drop_live();
    assert!(socket.read().is_err());
    subscribed(&server, SCOPE);
}

#[test]
fn a_silenced_socket_stays_open_and_says_nothing() {
    let server = Server::start();
    let mut socket = subscribed(&server, SCOPE);
    server.silence_live();
    socket.send(Message::Ping("are you there".into())).unwrap();
    server.put(SCOPE, "todo", "t1", &Todo::new("Milk"));
    let mut late = open(&server, None).unwrap();
    subscribe(&mut late, SCOPE);
    server.wait_for_subscription(SCOPE);
    server.live(true);
    server.put(SCOPE, "todo", "t2", &Todo::new("Bread"));
    // The first thing that is heard is what was said last.
    assert_eq!(hear(&mut socket), hint(2));
}

#[test]
fn a_socket_needs_the_token_and_ends_with_it() {
    let server = Server::start();
    server.require_token("right");
    assert_eq!(open(&server, Some("wrong")).map(drop), Err(401));
    assert_eq!(open(&server, None).map(drop), Err(401));
    let mut socket = open(&server, Some("right")).unwrap();
    subscribe(&mut socket, SCOPE);
    assert_eq!(hear(&mut socket)["data"]["type"], "ack");
    server.expire_tokens();
    assert!(socket.read().is_err());
}

#[test]
fn nobody_subscribes_to_a_scope_that_is_forbidden() {
    let server = Server::start();
    let mut socket = subscribed(&server, "user:2");
    server.forbid("user:2");
    subscribe(&mut socket, "user:2");
    server.put("user:2", "todo", "t1", &Todo::new("secret"));
    subscribe(&mut socket, SCOPE);
    assert_eq!(hear(&mut socket)["topic"], "sync:user:1");
}

#[test]
fn a_request_for_a_socket_that_is_none_is_refused() {
    let server = Server::start();
    assert_eq!(crate::raw::get(&server.url().replace("/_sync", "/ws")).0, 400);
}
