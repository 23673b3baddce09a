//! Values of the app's that cannot be stored.

use std::collections::BTreeMap;

use mizu_sync::{Error, StoreError};
use mizu_sync_protocol::limits::{self, LimitError};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::support::{Note, SOON};
use crate::{Device, PAYLOAD, assert_says, nowhere};

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }))
}

#[test]
fn an_entity_that_is_too_large_is_not_written() {
    let device = Device::new(&nowhere());
    let notes = device.client.collection::<Note>("note");
    let large = || Note::new(&PAYLOAD.repeat(40_000));
    for error in [
        notes.create("large", large()).unwrap_err(),
        notes.add(large()).unwrap_err(),
        notes.get("kept").set(large()).unwrap_err(),
        notes.get("kept").update(|note| *note = large()).unwrap_err(),
        device.client.batch(|batch| batch.create(&notes, "large", &large())).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Store(StoreError::EntityLimit { .. })), "{error:?}");
        assert_says(&error, &["note ", "cannot be stored", "bytes, at most 524288 are allowed"]);
    }
    device.assert_kept();
    device.assert_intact();
}

#[test]
fn small_changes_that_add_up_to_too_much_are_judged_by_the_result() {
    let device = Device::new(&nowhere());
    let values = device.client.collection::<BTreeMap<String, String>>("note");
    let half = "x".repeat(300_000);
    values.create("large", BTreeMap::from([("a".to_owned(), half.clone())])).unwrap();
    let error =
        values.get("large").update(|value| drop(value.insert("b".to_owned(), half.clone()))).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::EntityLimit { .. })), "{error:?}");
    assert_eq!(values.get("large").get().unwrap().unwrap().len(), 1);
    assert_eq!(device.client.pending().unwrap().len(), 2);
}

#[test]
fn an_entity_of_65_levels_is_not_written_and_one_of_64_is() {
    let device = Device::new(&nowhere());
    let values = device.client.collection::<Value>("note");
    let error = values.create("deep", nested(65)).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::EntityLimit { .. })), "{error:?}");
    assert_says(&error, &["note \"deep\"", "nested more than 64 levels deep"]);
    device.assert_kept();
    values.create("deep", nested(64)).unwrap();
    assert_eq!(values.get("deep").get().unwrap(), Some(nested(64)));
    let server = crate::server::Server::well();
    let device = device.reopened(&server.url());
    device.client.start().unwrap();
    device.client.sync(SOON).unwrap();
    assert_eq!(device.client.collection::<Value>("note").get("deep").get().unwrap(), Some(nested(64)));
}

#[test]
fn arguments_that_are_too_large_or_too_deep_are_not_queued() {
    let device = Device::new(&nowhere());
    for (args, words) in [
        (json!({ "text": PAYLOAD.repeat(40_000) }), "bytes, at most 524288 are allowed"),
        (nested(65), "nested more than 64 levels deep"),
    ] {
        let error = device.client.mutate("note.archive", &args).unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::ArgsLimit { .. })), "{error:?}");
        assert_says(&error, &["note.archive", "cannot be queued", words]);
    }
    device.assert_kept();
    device.assert_intact();
}

#[test]
fn a_mutation_that_changes_more_than_a_server_takes_at_once_is_not_queued() {
    let device = Device::new(&nowhere());
    let notes = device.client.collection::<Note>("note");
    let queue = |count: usize| {
        device.client.mutate_expecting("note.import", &json!({}), |expected| {
            let large = Note::new(&"x".repeat(500 * 1024));
            (0..count).try_for_each(|number| expected.create(&notes, &number.to_string(), &large))
        })
    };
    let error = queue(9).unwrap_err();
    let expected = matches!(
        &error,
        Error::Store(StoreError::ChangesLimit { limit: LimitError::TooLarge { limit, .. }, .. })
            if *limit == limits::MAX_MUTATION_CHANGES
    );
    assert!(expected, "{error:?}");
    assert_says(&error, &["note.import", "4194304", "split it"]);
    device.assert_kept();
    queue(8).unwrap();
    assert_eq!((notes.count().unwrap(), device.client.pending().unwrap().len()), (9, 2));
}

#[test]
fn what_is_no_json_object_is_no_entity() {
    let device = Device::new(&nowhere());
    let error = device.client.collection::<u32>("note").create("a", 7).unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    assert_says(&error, &["note \"a\" cannot be stored", "JSON object", "a struct with named fields does"]);
    let error =
        device.client.collection::<Vec<String>>("note").create("a", vec![PAYLOAD.into()]).unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    assert_says(&error, &["JSON object"]);
    device.assert_intact();
}

#[test]
fn a_value_that_could_not_be_read_back_is_not_stored() {
    let device = Device::new(&nowhere());
    let numbers = device.client.collection::<BTreeMap<String, f64>>("number");
    // JSON has no such number.
    let nan = || BTreeMap::from([("x".to_owned(), f64::NAN)]);
    let error = numbers.create("a", nan()).unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    assert_says(&error, &["number \"a\" cannot be stored", "could not be read back", "expected f64"]);
    numbers.create("a", BTreeMap::from([("x".to_owned(), 1.0)])).unwrap();
    let error = numbers.get("a").update(|number| *number = nan()).unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    device.client.discard(&device.client.pending().unwrap().last().unwrap().id).unwrap();
    device.assert_intact();
}

/// A value whose serialiser gives up.
#[derive(serde::Deserialize)]
struct Unwilling;

impl Serialize for Unwilling {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not today"))
    }
}

#[test]
fn a_value_that_cannot_be_serialised_says_why() {
    let device = Device::new(&nowhere());
    let error = device.client.collection::<Unwilling>("note").create("a", Unwilling).unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
    assert_says(&error, &["note \"a\"", "not today"]);
    let keys: BTreeMap<Vec<u8>, u8> = BTreeMap::from([(vec![1], 1)]);
    let error = device.client.mutate("note.archive", &keys).unwrap_err();
    assert!(matches!(error, Error::EncodeArgs { .. }), "{error:?}");
    assert_says(&error, &["note.archive", "cannot be stored"]);
    device.assert_intact();
}

#[test]
fn writes_that_make_no_sense_here_are_refused_at_once() {
    let device = Device::new(&nowhere());
    let notes = device.client.collection::<Note>("note");
    let error = notes.create("kept", Note::new("again")).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::AlreadyExists { .. })), "{error:?}");
    assert_says(&error, &["note \"kept\" exists already", "update it, or choose another id"]);
    for error in [
        notes.get("missing").set(Note::new("a")).unwrap_err(),
        notes.get("missing").update(|note| note.starred = true).unwrap_err(),
    ] {
        assert!(matches!(error, Error::Store(StoreError::NotFound { .. })), "{error:?}");
        assert_says(&error, &["note \"missing\"", "does not exist here"]);
    }
    device.assert_intact();
}
