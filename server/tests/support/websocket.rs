//! A client of the live socket.

#![allow(clippy::unwrap_used, reason = "test code")]
#![allow(dead_code, unreachable_pub, reason = "each program uses a part")]

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, HandshakeError, Message, WebSocket, client};

pub struct Socket {
    pub inner: WebSocket<TcpStream>,
    pub headers: Vec<(String, String)>,
}

impl Socket {
    /// Upgrades, with these headers.
    pub fn open(address: SocketAddr, headers: &[(&'static str, &str)]) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::from_static(name);
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        let (inner, response) = match client(request, stream) {
            Ok(open) => open,
            Err(HandshakeError::Failure(error)) => panic!("{error}"),
            Err(HandshakeError::Interrupted(_)) => panic!("no answer"),
        };
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Self { inner, headers }
    }

    pub fn send(&mut self, text: &str) {
        self.inner.send(Message::text(text)).unwrap();
    }

    /// Subscribes as our client does, and waits for the answer.
    pub fn subscribe(&mut self, scope: &str) -> Value {
        let topic = format!("sync:{scope}");
        let data = json!({ "type": "subscribe", "ref": "1" });
        self.send(&json!({ "type": "subscribe", "topic": topic, "ref": "1", "data": data }).to_string());
        serde_json::from_str(&self.text()).unwrap()
    }

    /// The next message that is text.
    pub fn text(&mut self) -> String {
        loop {
            match self.inner.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other}"),
            }
        }
    }

    /// Closes, and waits for the server to do so too.
    pub fn close(mut self) {
        self.inner.close(None).unwrap();
        loop {
            match self.inner.read() {
                Ok(_) => {}
                Err(Error::ConnectionClosed) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Reads until the server closes; its code and reason.
    pub fn end(mut self) -> (u16, String) {
        loop {
            if let Message::Close(frame) = self.inner.read().unwrap() {
                let frame = frame.unwrap();
                return (frame.code.into(), frame.reason.to_string());
            }
        }
    }
}
