//! No token and no payload in logs, in `Debug`, in error texts; no token in a file. Not even one that the server
//! repeats.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use mizu_sync::Client;
use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions, TokenFile};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::scripted::{Answer, Received, Scripted};
use support::{Note, SOON};

const TOKEN: &str = "canary-token-5d1f";
const NEW_TOKEN: &str = "canary-fresh-0b8e";
const PAYLOAD: &str = "canary-payload-77ae";

/// A type that the stored notes do not fit.
#[derive(Debug, Serialize, Deserialize)]
struct Other {
    text: u32,
}

#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn neither_tokens_nor_payloads_appear_where_they_do_not_belong() {
    let logs = Logs::default();
    let writer = logs.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    open_live_sockets();
    let folder = tempfile::tempdir().unwrap();
    let grant = |token: &str| json!({"token": token, "principal": "ann", "scopes": ["user:1"]});
    let tokens = json!([grant(TOKEN), grant(NEW_TOKEN)]).to_string();
    let options =
        ServiceOptions { auth: Arc::new(TokenFile::parse(&tokens).unwrap()), ..ServiceOptions::default() };
    let service = Service::open(folder.path().join("server.db"), options).unwrap();
    let server = Server::start(ServerOptions::loopback(Arc::new(service))).unwrap();
    let told = Arc::new(Mutex::new(String::new()));
    let open = |name: &str, scope: &str, token: &str| {
        let (errors, refused) = (Arc::clone(&told), Arc::clone(&told));
        Client::builder(server.url(), scope)
            .database(folder.path().join(name))
            .principal("ann")
            .token(token)
            .header("x-key", TOKEN)
            .on_error(move |error| writeln!(errors.lock().unwrap(), "{error} {error:?}").unwrap())
            .on_rejected(move |mutation| {
                writeln!(refused.lock().unwrap(), "{mutation} {mutation:?}").unwrap();
            })
            .open()
            .unwrap()
    };

    let (phone, laptop) = (open("phone.db", "user:1", TOKEN), open("laptop.db", "user:1", TOKEN));
    for device in [&phone, &laptop] {
        device.collection::<Note>("note").create("n", Note::new(PAYLOAD)).unwrap();
        device.start().unwrap();
        device.sync(SOON).unwrap();
    }
    assert_eq!(laptop.rejected().unwrap().len(), 1);
    let undecodable = phone.collection::<Other>("note");
    assert!(undecodable.all().unwrap().is_empty());
    let stranger = open("stranger.db", "user:1", "canary-token-5d1f-wrong");
    stranger.start().unwrap();
    let unauthorized = stranger.sync(SOON).unwrap_err();
    let outsider = open("outsider.db", "user:2", TOKEN);
    outsider.start().unwrap();
    let forbidden = outsider.sync(SOON).unwrap_err();
    let misfit = undecodable.get("n").get().unwrap_err();
    phone.collection::<Note>("note").get("n").update(|note| note.starred = true).unwrap();
    phone.set_token(NEW_TOKEN).unwrap();
    phone.sync(SOON).unwrap();
    stranger.set_token(format!("{NEW_TOKEN}-wrong")).unwrap();
    let unauthorized_again = stranger.sync(SOON).unwrap_err();
    let debug = format!(
        "{phone:?} {:?} {:?} {undecodable:?} {unauthorized} {unauthorized:?} {forbidden} {forbidden:?} {misfit} {misfit:?} {unauthorized_again} {unauthorized_again:?} {:?}",
        phone.pending().unwrap(),
        laptop.rejected().unwrap(),
        Client::builder(server.url(), "user:1").token(TOKEN),
    );
    drop((phone, laptop, stranger, outsider));
    server.stop();

    let logs = String::from_utf8_lossy(&logs.0.lock().unwrap()).into_owned();
    assert!(logs.contains("mizu"), "the logs were captured");
    assert!(logs.contains("tungstenite"), "those of the live socket too");
    let told = told.lock().unwrap().clone();
    assert!(told.contains("does not fit the app's type") && told.contains("conflict"), "{told}");
    for (place, text) in [("logs", &logs), ("debug and errors", &debug), ("callbacks", &told)] {
        for canary in [TOKEN, NEW_TOKEN, PAYLOAD] {
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(canary)).collect();
            assert!(lines.is_empty(), "{canary} in the {place}: {lines:?}");
        }
    }
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.as_ref().unwrap().path()).unwrap();
        for token in [TOKEN, NEW_TOKEN] {
            let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            assert!(!found, "a token in {:?}", file.as_ref().unwrap().path());
        }
    }
}

/// Opens a live socket with one token, and another with the next.
fn open_live_sockets() {
    let server = Scripted::start(|request| Answer::ok(&well(request))).opens_sockets();
    let client = Client::builder(&server.url(), "user:1")
        .in_memory()
        .principal("ann")
        .token(TOKEN)
        .header("x-key", TOKEN)
        .open()
        .unwrap();
    client.start().unwrap();
    server.socket().acknowledge();
    client.set_token(NEW_TOKEN).unwrap();
    server.socket().acknowledge();
}

/// What a server says that is well.
fn well(request: &Received) -> Value {
    match request.endpoint() {
        "snapshot" => json!({"data": {}, "cursor": 1, "tag": "a", "has_more": false}),
        "pull" => json!({"changes": [], "has_more": false, "next_cursor": 1, "tag": "a"}),
        _ => json!({"results": [{"ok": true, "cursor": 1, "tag": "a"}]}),
    }
}

#[test]
fn secrets_that_the_server_repeats_are_neither_shown_nor_stored() {
    const KEY: &str = "canary-header-91c2";
    let near_the_cut = format!("{} {TOKEN} {KEY}", "x".repeat(190));
    for echo in [format!("Bearer {TOKEN} and {KEY} may not"), near_the_cut] {
        for (endpoint, status, body) in [
            ("push", 500, json!({"code": TOKEN, "error": echo})),
            ("push", 403, json!({"code": "forbidden", "error": echo})),
            ("push", 200, json!({"results": [{"ok": false, "code": "forbidden", "error": echo}]})),
            ("push", 200, json!({"results": [{"ok": false, "code": TOKEN}]})),
            ("push", 200, json!({"results": [{"ok": false, "error": echo}]})),
            ("pull", 400, json!({"code": KEY, "error": echo})),
            ("pull", 503, json!({"error": echo})),
            ("snapshot", 500, json!({"error": echo})),
        ] {
            let case = format!("{endpoint} {status} {body}");
            let server = Scripted::start(move |request| {
                let answer = if request.endpoint() == endpoint {
                    Answer::json(status, &body)
                } else {
                    Answer::ok(&well(request))
                };
                answer.with("Mizu-Sync", "1")
            });
            let folder = tempfile::tempdir().unwrap();
            let (tell, told) = mpsc::channel();
            let tell_refused = tell.clone();
            let client = Client::builder(&server.url(), "user:1")
                .database(folder.path().join("a.db"))
                .principal("ann")
                .token(TOKEN)
                .header("x-key", KEY)
                .on_error(move |error| drop(tell.send(format!("{error} {error:?}"))))
                .on_rejected(move |refused| {
                    let (code, error) = (&refused.code, &refused.error);
                    drop(tell_refused.send(format!("{refused} {code} {error}")));
                })
                .open()
                .unwrap();
            client.collection::<Note>("note").create("n", Note::new(PAYLOAD)).unwrap();
            client.start().unwrap();
            let told = told.recv_timeout(SOON).unwrap();
            if endpoint == "push" && client.rejected().unwrap().is_empty() && status != 403 {
                // What was said to the first is stored when the second goes out.
                server.wait_for("push", 2);
            }
            let shown = format!(
                "{told} {:?} {:?}",
                client.pending().unwrap().into_iter().map(|mutation| mutation.error).collect::<Vec<_>>(),
                client.blocked(),
            );
            client.close();
            for secret in [TOKEN, KEY] {
                let beginning = &secret[..8];
                assert!(!shown.contains(beginning), "{case}: {shown}");
                for file in std::fs::read_dir(folder.path()).unwrap() {
                    let bytes = std::fs::read(file.unwrap().path()).unwrap();
                    let found = bytes.windows(beginning.len()).any(|window| window == beginning.as_bytes());
                    assert!(!found, "{case}: in a file");
                }
            }
        }
    }
}

#[test]
fn tokens_old_and_new_that_the_server_repeats_are_concealed() {
    let (tell, told) = mpsc::channel();
    let (refused, known) = mpsc::channel();
    let server = Scripted::start(move |request| {
        let token = request.header("authorization").unwrap_or_default();
        if !token.ends_with(NEW_TOKEN) {
            let _ = refused.send(());
            return Answer::json(401, &json!({"error": token}));
        }
        let echo = format!("not {TOKEN}, not {NEW_TOKEN}");
        Answer::json(503, &json!({"code": NEW_TOKEN, "error": echo}))
    })
    .opens_sockets();
    let client = Client::builder(&server.url(), "user:1")
        .in_memory()
        .principal("ann")
        .token(TOKEN)
        .on_token_needed(|| {})
        .on_error(move |error| drop(tell.send(format!("{error} {error:?}"))))
        .open()
        .unwrap();
    client.start().unwrap();
    known.recv_timeout(SOON).unwrap();
    client.set_token(NEW_TOKEN).unwrap();
    let told = told.recv_timeout(SOON).unwrap();
    assert!(told.contains("503") && told.contains("not …, not …"), "{told}");
    assert!(!told.contains("canary"), "{told}");
    let asked = client.sync(std::time::Duration::ZERO).unwrap_err();
    assert!(!format!("{asked} {asked:?} {client:?}").contains("canary"), "{asked:?}");
}
