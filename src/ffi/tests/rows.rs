//! The bytes of rows: a format that two other languages read.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{QueryOptions, UpcastOption, Write};
use super::{By, Ear, client, client_of, create, deliver, to};
use crate::testing::SOON;

fn text(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

fn row(id: &str, marks: u8, data: &str) -> Vec<u8> {
    [text(id), vec![marks], text(data)].concat()
}

fn head(kind: u8, version: u64, count: u32) -> Vec<u8> {
    [&[kind][..], &version.to_be_bytes(), &count.to_be_bytes()].concat()
}

#[test]
fn all_rows_are_their_version_their_number_and_each() {
    let client = client();
    let query = client.query("todo", QueryOptions::default()).unwrap();
    let empty = query.rows().unwrap();
    assert_eq!((empty.len(), empty[0], &empty[9..]), (13, 0, &[0, 0, 0, 0][..]));
    create(&client, "a", r#"{"title":"Milk"}"#);
    create(&client, "ä", r#"{"title":"Käse €"}"#);
    let bytes = query.rows().unwrap();
    // As it stands here, byte for byte.
    let golden = b"\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02\
        \x00\x00\x00\x01a\x01\x00\x00\x00\x10{\"title\":\"Milk\"}\
        \x00\x00\x00\x02\xc3\xa4\x01\x00\x00\x00\x15{\"title\":\"K\xc3\xa4se \xe2\x82\xac\"}";
    assert_eq!(bytes, golden);
    let parts = [head(0, 2, 2), row("a", 1, r#"{"title":"Milk"}"#), row("ä", 1, r#"{"title":"Käse €"}"#)];
    assert_eq!(bytes, parts.concat());
}

#[test]
fn changes_are_what_is_to_be_done_one_after_the_other() {
    let client = client();
    for id in ["a", "b", "c", "d"] {
        create(&client, id, r#"{"n":1}"#);
    }
    let (ear, told) = Ear::new();
    let rows = client.query("todo", QueryOptions::default()).unwrap().watch_rows(ear);
    told.recv_timeout(SOON).unwrap();
    let first = rows.next().unwrap().unwrap();
    assert_eq!((first[0], first[12]), (0, 4));
    assert_eq!(rows.next().unwrap(), None);
    let (collection, id) = ("todo".to_owned(), "a".to_owned());
    client.write(Write::Delete { collection, id }).unwrap();
    create(&client, "bb", r#"{"n":2}"#);
    client.change("todo", "d", false, to(r#"{"n":3}"#)).unwrap();
    deliver(&client);
    let parts = [
        head(1, 7, 3),
        vec![0, 0, 0, 0, 0],
        [vec![1, 0, 0, 0, 1], row("bb", 1, r#"{"n":2}"#)].concat(),
        [vec![2, 0, 0, 0, 3], row("d", 1, r#"{"n":3}"#)].concat(),
    ];
    assert_eq!(rows.next().unwrap().unwrap(), parts.concat());
}

#[test]
fn rows_of_older_versions_are_of_the_newest() {
    let upcast = Arc::new(By(|fields: String| Ok(fields.replace("text", "title"))));
    let step = UpcastOption { collection: "todo".to_owned(), to: 2, upcast };
    let client = client_of("http://127.0.0.1:9/_sync", vec![step]);
    create(&client, "a", r#"{"title":"Milk"}"#);
    create(&client, "b", r#"{"text":"Bread","$version":1}"#);
    let bytes = client.query("todo", QueryOptions::default()).unwrap().rows().unwrap();
    let found: Value = serde_json::from_str(&client.get("todo", "b").unwrap().unwrap()).unwrap();
    assert_eq!(found["title"].is_null(), found["text"].is_string(), "{found}");
    assert!(String::from_utf8_lossy(&bytes).contains(r#""$version":2"#));
    assert_eq!(
        client.row("todo", "a").unwrap().map(|row| row.data).as_deref(),
        client.get("todo", "a").unwrap().as_deref()
    );
    assert_eq!(
        json!(2),
        serde_json::from_str::<Value>(&client.get("todo", "a").unwrap().unwrap()).unwrap()["$version"]
    );
}
