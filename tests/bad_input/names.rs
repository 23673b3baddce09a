//! Options and names that cannot be.

use mizu_sync::net::{HeaderError, TokenError, UrlError};
use mizu_sync::{Client, Error, StoreError};
use serde_json::json;

use crate::support::Note;
use crate::{Device, TOKEN, assert_says, nowhere};

#[test]
fn a_base_url_that_is_none_opens_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let scheme = || UrlError::Scheme { found: String::new() };
    for (url, expected, words) in [
        ("canary-token-91c4:canary-token-91c4@api.example.com", scheme(), "must begin with https://"),
        (
            "api.example.com/_sync",
            scheme(),
            "https:// (http:// only to this machine), not with \"api.example.com\"",
        ),
        ("ftp://api.example.com", scheme(), "not with \"ftp://\""),
        ("https://", UrlError::Malformed(String::new()), "write it like"),
        ("https://user:canary-token-91c4@api.example.com/", UrlError::Credentials, "give a token instead"),
        ("https://api.example.com/?key=canary-token-91c4", UrlError::QueryOrFragment, "leave out"),
        (
            "http://api.example.com",
            UrlError::Cleartext { host: "api.example.com".into() },
            "use https://, or allow it by allow_cleartext(true)",
        ),
        ("https://api.example.com:0", UrlError::Port, "port"),
    ] {
        let path = folder.path().join("a.db");
        let error = Client::builder(url, "user:1").database(&path).open().unwrap_err();
        let Error::BaseUrl(found) = &error else { panic!("{url}: {error:?}") };
        assert_eq!(std::mem::discriminant(found), std::mem::discriminant(&expected), "{url}: {found:?}");
        assert_says(&error, &[words]);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn options_that_cannot_be_are_named() {
    let open = |scope: &str| Client::builder("https://x.test", scope).in_memory();
    let long = "x".repeat(1_025);
    for (error, expected) in [
        (open("").open().unwrap_err(), "scope"),
        (open(&long).open().unwrap_err(), "scope"),
        (Client::builder("https://x.test", "user:1").open().unwrap_err(), "database"),
        (open("user:1").token(TOKEN).open().unwrap_err(), "principal"),
        (open("user:1").pull_interval(std::time::Duration::ZERO).open().unwrap_err(), "pull_interval"),
        (open("user:1").upcast("todo", 1, |_| ()).open().unwrap_err(), "upcast"),
    ] {
        assert!(matches!(&error, Error::InvalidOption { option, .. } if *option == expected), "{error:?}");
        assert_says(&error, &["the option", expected, "is not valid"]);
    }
    let token = open("user:1").principal("ann").token(format!("{TOKEN}\n")).open().unwrap_err();
    assert_eq!(token, Error::Token(TokenError));
    assert_says(&token, &["visible ASCII characters"]);
    let header = |name: &str, value: &str| open("user:1").header(name, value).open().unwrap_err();
    for (error, words) in [
        (header("x key", "1"), "cannot be the name of a header"),
        (header("x-key", "canary-token-91c4\r\n"), "line break"),
        (header("Authorization", "Bearer canary-token-91c4"), "set by the SDK"),
    ] {
        assert!(
            matches!(
                &error,
                Error::Header(HeaderError::Name(_) | HeaderError::Value(_) | HeaderError::Reserved(_))
            ),
            "{error:?}"
        );
        assert_says(&error, &[words]);
    }
}

#[test]
fn names_that_are_empty_or_too_long_write_nothing() {
    let device = Device::new(&nowhere());
    let client = &device.client;
    let long = "x".repeat(1_025);
    let create = |collection: &str, id: &str| {
        client.collection::<Note>(collection).create(id, Note::new("a")).unwrap_err()
    };
    for (error, what, why) in [
        (create("", "a"), "the collection's name", "it is empty"),
        (create(&long, "a"), "the collection's name", "it has 1025 bytes"),
        (create("note", ""), "the entity's id", "it is empty"),
        (create("note", &long), "the entity's id", "it has 1025 bytes, at most 1024 are allowed"),
        (client.collection::<Note>("note").get("").delete().unwrap_err(), "the entity's id", "it is empty"),
        (client.mutate("", &json!({})).unwrap_err(), "the mutation's name", "it is empty"),
        (client.mutate(&long, &json!({})).unwrap_err(), "the mutation's name", "it has 1025 bytes"),
    ] {
        assert!(matches!(error, Error::Store(StoreError::Invalid { .. })), "{error:?}");
        assert_says(&error, &[what, "is not valid", why]);
    }
    let notes = client.collection::<Note>("note");
    let batched = client.batch(|batch| {
        batch.create(&notes, "fine", &Note::new("a"))?;
        batch.delete(&notes, &long)
    });
    assert!(matches!(batched, Err(Error::Store(StoreError::Invalid { .. }))), "{batched:?}");
    // To ask for what cannot be there is no error.
    assert_eq!((notes.get("").get().unwrap(), notes.has(&long).unwrap()), (None, false));
    device.assert_kept();
    device.assert_intact();
}

#[test]
fn the_longest_names_reach_the_server() {
    let server = crate::server::Server::well();
    let device = Device::new(&server.url());
    let collection = "c".repeat(1_024 - ".create".len());
    let id = "ü".repeat(512);
    device.client.collection::<Note>(&collection).create(&id, Note::new("a")).unwrap();
    device.client.start().unwrap();
    device.client.sync(crate::support::SOON).unwrap();
    assert_eq!(server.rows(), ["kept".to_owned(), id]);
}

#[test]
fn mutations_that_do_not_exist_are_named() {
    let device = Device::new(&nowhere());
    for (error, wanted) in [
        (device.client.retry("no-such-id").unwrap_err(), "rejected"),
        (device.client.retry_with("no-such-id", &json!({})).unwrap_err(), "rejected"),
        (device.client.discard("no-such-id").unwrap_err(), "rejected or pending"),
    ] {
        assert!(matches!(error, Error::Store(StoreError::NoSuchMutation { .. })), "{error:?}");
        assert_says(&error, &[wanted, "no-such-id"]);
    }
    // One that is pending cannot be retried.
    let id = device.client.pending().unwrap()[0].id.clone();
    let error = device.client.retry(&id).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::NoSuchMutation { .. })), "{error:?}");
    device.assert_intact();
}
