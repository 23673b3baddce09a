use std::io::Read;

use mizu_sync_protocol::limits;
use serde_json::value::RawValue;

use super::super::answer::{self, Incoming};
use super::super::changes;
use super::super::snapshot::RowSink;
use super::*;
use crate::model::Unreadable;
use crate::net::TransportError;
use crate::store::StoreError;

fn read_changes(texts: &[&str], sent: u64) -> changes::Changes {
    let raw: Vec<Box<RawValue>> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let raw: Vec<&RawValue> = raw.iter().map(|raw| &**raw).collect();
    changes::read(&raw, cursor(sent), None)
}

fn shown(entities: &[ServerEntity]) -> Vec<(String, Option<String>)> {
    let show = |entity: &ServerEntity| {
        (entity.key.id.clone(), entity.data.as_ref().map(|data| data.as_str().to_owned()))
    };
    entities.iter().map(show).collect()
}

#[test]
fn the_three_shapes_of_a_change_are_told_apart_without_being_named() {
    let put = [("t".to_owned(), Some(r#"{"title":"Milk"}"#.to_owned()))];
    for text in [
        r#"{"cursor":1,"entity":"todo","id":"t","op":"create","data":{"title":"Milk"}}"#,
        r#"{"cursor":1,"entity":"todo","id":"t","op":"update","data":"eyJ0aXRsZSI6Ik1pbGsifQ=="}"#,
        r#"{"cursor":1,"data":{"entity":"todo","id":"t","op":"create","data":{"title":"Milk"}}}"#,
    ] {
        let changes = read_changes(&[text], 0);
        assert_eq!(shown(&changes.entities), put, "{text}");
        assert!(changes.unreadable.is_empty());
    }
    for text in [
        r#"{"cursor":1,"entity":"todo","id":"t","op":"delete"}"#,
        r#"{"cursor":1,"data":{"entity":"todo","id":"t","op":"delete"}}"#,
    ] {
        assert_eq!(shown(&read_changes(&[text], 0).entities), [("t".to_owned(), None)], "{text}");
    }
}

#[test]
fn a_change_that_cannot_be_read_does_not_spoil_the_others() {
    let deep = format!(
        r#"{{"cursor":9,"entity":"todo","id":"deep","op":"create","data":{{"a":{}{}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let large = format!(
        r#"{{"cursor":10,"entity":"todo","id":"large","op":"create","data":{{"a":"{}"}}}}"#,
        "x".repeat(limits::MAX_ENTITY)
    );
    let changes = read_changes(
        &[
            r#"{"cursor":1,"entity":"todo","id":"a","op":"create","data":{}}"#,
            r#"{"cursor":2,"entity":"todo","id":"b","op":"explode","data":{}}"#,
            r#"{"cursor":3,"entity":"todo","id":7,"op":"create","data":{}}"#,
            r#"{"cursor":4,"entity":"todo","id":"d","op":"create","data":[1]}"#,
            r#"{"cursor":5,"entity":"todo","id":"e","op":"create"}"#,
            r#"{"cursor":6,"entity":"todo","id":"","op":"delete"}"#,
            r#"{"cursor":7,"entity":"todo","id":"g","op":"create","data":"no base64"}"#,
            "7",
            &deep,
            &large,
            r#"{"cursor":11,"entity":"todo","id":"z","op":"create","data":{}}"#,
        ],
        0,
    );
    let ids: Vec<_> = changes.entities.iter().map(|entity| entity.key.id.as_str()).collect();
    assert_eq!(ids, ["a", "z"]);
    assert_eq!(changes.unreadable.len(), 9);
    assert!(
        changes.unreadable.iter().all(|unreadable| unreadable.raw.is_some() && !unreadable.reason.is_empty())
    );
    assert_eq!(changes.last, Some(cursor(11)));
}

#[test]
fn changes_at_or_below_the_cursor_that_was_sent_are_old() {
    let change = |at: u64| format!(r#"{{"cursor":{at},"entity":"todo","id":"t{at}","op":"delete"}}"#);
    let changes = read_changes(&[&change(3), &change(4), &change(5)], 4);
    assert_eq!(shown(&changes.entities), [("t5".to_owned(), None)]);
}

#[derive(Default)]
struct Rows {
    rows: Vec<ServerEntity>,
    unreadable: usize,
    calls: usize,
    fail: bool,
}

impl RowSink for Rows {
    fn rows(&mut self, rows: &[ServerEntity], unreadable: &[Unreadable]) -> Result<(), StoreError> {
        if self.fail {
            return Err(StoreError::Closed);
        }
        self.rows.extend_from_slice(rows);
        self.unreadable += unreadable.len();
        self.calls += 1;
        Ok(())
    }
}

fn read_answer(plan: &Plan, status: u16, body: &mut dyn Read, rows: &mut Rows) -> Result<Reply, Failure> {
    let body_error =
        |_: &std::io::Error| TransportError::Unreachable { url: "x".into(), reason: "broke".into() };
    let mut incoming =
        Incoming { status, retry_after: None, body, body_error: &body_error, conceal: &|text| text };
    answer::read(plan, &mut incoming, None, rows)
}

const SNAPSHOT: Plan = Plan::Snapshot { generation: 2, after: None, wire: None };
const PULL: Plan = Plan::Pull { cursor: Cursor::ZERO, limit: 500, stream: false };

fn snapshot(body: &str) -> (Result<Reply, Failure>, Rows) {
    let mut rows = Rows::default();
    (read_answer(&SNAPSHOT, 200, &mut body.as_bytes(), &mut rows), rows)
}

#[test]
fn a_snapshot_is_read_with_its_cursor_before_or_after_the_data() {
    for body in [
        r#"{"data":{"todo":{"a":{"n":1},"b":"eyJuIjoyfQ=="},"note":{}},"cursor":7,"new":[1]}"#,
        r#"{"cursor":7,"data":{"todo":{"a":{"n":1},"b":"eyJuIjoyfQ=="}}}"#,
    ] {
        let (reply, rows) = snapshot(body);
        let Ok(Reply::Snapshot(reply)) = reply else { panic!("not read: {body}") };
        assert_eq!((reply.cursor, reply.rows), (cursor(7), 2));
        let both = [
            ("a".to_owned(), Some(r#"{"n":1}"#.to_owned())),
            ("b".to_owned(), Some(r#"{"n":2}"#.to_owned())),
        ];
        assert_eq!(shown(&rows.rows), both);
    }
}

#[test]
fn a_row_of_a_snapshot_that_cannot_be_read_is_set_aside() {
    let (reply, rows) = snapshot(r#"{"data":{"todo":{"a":{},"b":7,"c":{}}},"cursor":7}"#);
    let Ok(Reply::Snapshot(reply)) = reply else { panic!("not read") };
    assert_eq!((reply.rows, reply.unreadable, rows.unreadable), (2, 1, 1));
}

#[test]
fn what_is_not_a_snapshot_is_no_empty_one() {
    for body in
        ["{}", r#"{"cursor":7}"#, r#"{"data":{}}"#, r#"{"data":[],"cursor":1}"#, "<html>", "", r#"{"data":{"#]
    {
        assert!(matches!(snapshot(body).0, Err(Failure::NotProtocol(_))), "{body}");
    }
}

#[test]
fn a_page_of_a_snapshot_that_does_not_say_how_it_goes_on_is_refused() {
    let (reply, _) = snapshot(r#"{"data":{},"cursor":7,"has_more":true}"#);
    assert!(matches!(reply, Err(Failure::NotProtocol(_))));
}

/// A plain snapshot of any size, made while it is read.
struct Endless {
    rows: u64,
    next: u64,
    buffer: Vec<u8>,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.buffer.len() < into.len() && self.next <= self.rows + 1 {
            let text = match self.next {
                0 => r#"{"data":{"todo":{"first":{}"#.to_owned(),
                last if last == self.rows + 1 => r#"}},"cursor":7}"#.to_owned(),
                number => format!(r#","{number:08}":{{"text":"{}"}}"#, "x".repeat(1_000)),
            };
            self.buffer.extend_from_slice(text.as_bytes());
            self.next += 1;
        }
        let count = into.len().min(self.buffer.len());
        into[..count].copy_from_slice(&self.buffer[..count]);
        self.buffer.drain(..count);
        Ok(count)
    }
}

#[test]
fn a_snapshot_that_is_larger_than_is_read_into_memory_comes_in_chunks() {
    let mut rows = Rows::default();
    let mut body = Endless { rows: 20_000, next: 0, buffer: Vec::new() };
    let Ok(Reply::Snapshot(reply)) = read_answer(&SNAPSHOT, 200, &mut body, &mut rows) else {
        panic!("not read")
    };
    assert_eq!(reply.rows, 20_001);
    assert!(rows.calls >= 20, "{}", rows.calls);
}

/// Counts what is read of it.
struct Counted<R>(R, u64);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(into)?;
        self.1 += count as u64;
        Ok(count)
    }
}

#[test]
fn a_row_of_a_snapshot_that_is_larger_than_memory_ends_the_reading_there() {
    for head in [
        r#"{"data":{"todo":{"first":{},"a":{"x":""#,
        r#"{"data":{"todo":{"first":{},""#,
        r#"{"data":{""#,
        r#"{"data":{"todo":{}},"unknown":""#,
    ] {
        let mut body = Counted(head.as_bytes().chain(std::io::repeat(b'x')), 0);
        let result = read_answer(&SNAPSHOT, 200, &mut body, &mut Rows::default());
        let Err(Failure::NotProtocol(reason)) = result else { panic!("{head}: read") };
        assert_eq!(reason, "one row of it is too large");
        assert!(body.1 <= 2 * limits::MAX_READ_PAGE as u64, "{head}: {} bytes", body.1);
    }
}

#[test]
fn fields_whose_names_are_not_unicode_are_not_lost_by_being_taken() {
    let change = |name: &str| {
        format!(r#"{{"cursor":1,"entity":"todo","id":"a","op":"create","data":{{"{name}":1,"title":"b"}}}}"#)
    };
    for (name, readable) in
        [("\\ud83e\\udd5b", true), ("\\ud800", false), ("\\udd5b", false), ("\\u00fc", true)]
    {
        let changes = read_changes(&[&change(name)], 0);
        assert_eq!(
            (changes.entities.len(), changes.unreadable.len()),
            (usize::from(readable), usize::from(!readable))
        );
    }
}

#[test]
fn rows_that_cannot_be_stored_end_the_reading() {
    let mut rows = Rows { fail: true, ..Rows::default() };
    let result =
        read_answer(&SNAPSHOT, 200, &mut &br#"{"data":{"todo":{"a":{}}},"cursor":7}"#[..], &mut rows);
    assert!(matches!(result, Err(Failure::Store(StoreError::Closed))));
}

#[test]
fn a_stream_that_breaks_is_offline_and_not_bad_json() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let mut body = (&br#"{"data":{"todo":{"#[..]).chain(Broken);
    let result = read_answer(&SNAPSHOT, 200, &mut body, &mut Rows::default());
    assert!(matches!(result, Err(Failure::Offline(_))));
    let mut body = (&br#"{"changes":["#[..]).chain(Broken);
    assert!(matches!(read_answer(&PULL, 200, &mut body, &mut Rows::default()), Err(Failure::Offline(_))));
}

#[test]
fn a_page_above_eight_mebibytes_is_too_large_for_memory() {
    let mut body = (&br#"{"changes":["#[..]).chain(std::io::repeat(b' '));
    assert!(matches!(read_answer(&PULL, 200, &mut body, &mut Rows::default()), Err(Failure::TooLarge)));
}

#[test]
fn a_change_that_is_too_large_for_memory_is_passed_over_with_its_cursor() {
    let plan = Plan::Pull { cursor: cursor(3), limit: 1, stream: true };
    let head = br#"{"changes":[{"cursor":4,"entity":"todo","id":"a","op":"create","data":{"x":""#;
    let tail = br#""}}],"has_more":true,"next_cursor":4}"#;
    let mut body = (&head[..]).chain(std::io::repeat(b'x').take(9 << 20)).chain(&tail[..]);
    let Ok(Reply::Pull(reply)) = read_answer(&plan, 200, &mut body, &mut Rows::default()) else {
        panic!("not read")
    };
    assert_eq!(reply.next_cursor, Some(cursor(4)));
    assert_eq!(reply.unreadable[0].cursor, Some(cursor(4)));
    assert!(reply.unreadable[0].raw.is_none());
}

#[test]
fn another_services_json_is_not_a_page() {
    for body in ["{}", "[]", "7", r#"{"status":"ok"}"#] {
        let result = read_answer(&PULL, 200, &mut body.as_bytes(), &mut Rows::default());
        assert!(matches!(result, Err(Failure::NotProtocol(_))), "{body}");
    }
    let empty =
        read_answer(&PULL, 200, &mut &br#"{"changes":null,"has_more":false}"#[..], &mut Rows::default());
    assert!(matches!(empty, Ok(Reply::Pull(_))));
}

#[test]
fn an_error_is_read_with_its_code_and_at_most_a_line_of_its_words() {
    let body = format!(r#"{{"code":"forbidden","error":"no\nway {}"}}"#, "x".repeat(1_000));
    let result = read_answer(&PULL, 403, &mut body.as_bytes(), &mut Rows::default());
    let Err(Failure::Status { status: 403, code, error, .. }) = result else { panic!("not read") };
    assert_eq!(code.as_deref(), Some("forbidden"));
    assert!(error.starts_with("no way x") && error.len() == 200, "{error}");
}
