//! What is watched is told of once, until it is taken.

use std::sync::Arc;

use super::super::{CallbackError, ClientOptions, Listener, NativeClient, NativeFeed, News, Write};
use super::{Ear, client, create, deliver, options, thrown, to};
use crate::testing::SOON;

fn data(feed: &NativeFeed) -> Option<Option<String>> {
    feed.next().unwrap().map(|news| match news {
        News::Entity { row } => row.map(|row| row.data),
        _ => panic!("other news"),
    })
}

#[test]
fn a_listener_that_is_slow_is_told_once_and_takes_the_last() {
    let client = client();
    let (ear, told) = Ear::new();
    let feed = client.watch_entity("todo", "a", ear);
    told.recv_timeout(SOON).unwrap();
    assert_eq!(data(&feed), Some(None));
    assert_eq!(data(&feed), None);
    create(&client, "a", r#"{"n":1}"#);
    for n in 2..5 {
        client.change("todo", "a", false, to(&format!(r#"{{"n":{n}}}"#))).unwrap();
        deliver(&client);
    }
    assert_eq!(told.try_iter().count(), 1);
    assert_eq!(data(&feed), Some(Some(r#"{"n":4}"#.to_owned())));
    assert_eq!(data(&feed), None);
    let (collection, id) = ("todo".to_owned(), "a".to_owned());
    client.write(Write::Delete { collection, id }).unwrap();
    told.recv_timeout(SOON).unwrap();
    assert_eq!(data(&feed), Some(None));
}

#[test]
fn what_is_stopped_or_dropped_tells_nobody() {
    let client = client();
    let (ear, told) = Ear::new();
    let stopped = client.watch_pending(Arc::clone(&ear) as _);
    let dropped = client.watch_rejected(Arc::clone(&ear) as _);
    stopped.stop();
    drop(dropped);
    assert_eq!(told.try_iter().count(), 2);
    create(&client, "a", "{}");
    deliver(&client);
    assert_eq!(told.try_iter().count(), 0);
    assert!(matches!(stopped.next().unwrap(), Some(News::Pending { mutations }) if mutations.is_empty()));
}

#[test]
fn a_pause_is_no_news_and_whoever_began_in_it_is_told_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = Some(folder.path().join("a.db").display().to_string());
    // In memory there is nothing to release, so reads go on.
    let options = ClientOptions { database, ..options("http://127.0.0.1:9/_sync") };
    let client = NativeClient::open(options).unwrap();
    let (ear, told) = Ear::new();
    let before = client.watch_entity("todo", "a", Arc::clone(&ear) as _);
    told.recv_timeout(SOON).unwrap();
    assert_eq!(data(&before), Some(None));
    client.pause().unwrap();
    let within = client.watch_entity("todo", "a", ear);
    assert_eq!((data(&before), data(&within)), (None, None));
    client.resume().unwrap();
    deliver(&client);
    assert_eq!(data(&within), Some(None));
}

#[test]
fn a_close_is_no_news() {
    let client = client();
    let (ear, told) = Ear::new();
    let feed = client.watch_pending(Arc::clone(&ear) as _);
    told.recv_timeout(SOON).unwrap();
    feed.next().unwrap().unwrap();
    client.shut_down();
    assert!(feed.next().unwrap().is_none());
    let late = client.watch_pending(ear);
    assert!(late.next().unwrap().is_none() && told.try_recv().is_err());
}

/// One that fails.
struct Deaf;

impl Listener for Deaf {
    fn ready(&self) -> Result<(), CallbackError> {
        Err(thrown())
    }
}

#[test]
fn a_listener_that_fails_breaks_nothing() {
    let client = client();
    let feed = client.watch_status(Arc::new(Deaf));
    create(&client, "a", "{}");
    deliver(&client);
    assert!(matches!(feed.next().unwrap(), Some(News::Status { status }) if status.pending == 1));
}
