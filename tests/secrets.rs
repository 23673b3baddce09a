//! No token and no payload in logs, in `Debug`, in error texts; no token in a file.

mod support;

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use mizu_sync::Client;
use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions, TokenFile};
use serde::{Deserialize, Serialize};
use support::{Note, SOON};

const TOKEN: &str = "canary-token-5d1f";
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
    let folder = tempfile::tempdir().unwrap();
    let tokens = format!(r#"[{{"token":"{TOKEN}","principal":"ann","scopes":["user:1"]}}]"#);
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
    let debug = format!(
        "{phone:?} {:?} {:?} {undecodable:?} {unauthorized} {unauthorized:?} {forbidden} {forbidden:?} {misfit} {misfit:?} {:?}",
        phone.pending().unwrap(),
        laptop.rejected().unwrap(),
        Client::builder(server.url(), "user:1").token(TOKEN),
    );
    drop((phone, laptop, stranger, outsider));
    server.stop();

    let logs = String::from_utf8_lossy(&logs.0.lock().unwrap()).into_owned();
    assert!(logs.contains("mizu"), "the logs were captured");
    let told = told.lock().unwrap().clone();
    assert!(told.contains("does not fit the app's type") && told.contains("conflict"), "{told}");
    for (place, text) in [("logs", &logs), ("debug and errors", &debug), ("callbacks", &told)] {
        for canary in [TOKEN, PAYLOAD] {
            let lines: Vec<&str> = text.lines().filter(|line| line.contains(canary)).collect();
            assert!(lines.is_empty(), "{canary} in the {place}: {lines:?}");
        }
    }
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let bytes = std::fs::read(file.as_ref().unwrap().path()).unwrap();
        let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!found, "a token in {:?}", file.unwrap().path());
    }
}
