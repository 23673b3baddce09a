//! Two devices and a server: what one writes the other sees.

mod support;

use std::sync::mpsc;

use mizu_sync::{Client, Error, StoreError, new_id};
use support::{Note, SOON, TestServer, client};

#[test]
fn a_write_reaches_the_other_device() {
    let server = TestServer::start();
    let (phone, laptop) = (client(&server, "phone"), client(&server, "laptop"));
    phone.start().unwrap();
    laptop.start().unwrap();
    let note = phone.collection::<Note>("note").add(Note::new("hello")).unwrap();
    phone.flush(SOON).unwrap();
    laptop.sync(SOON).unwrap();
    assert_eq!(laptop.collection::<Note>("note").get(note.id()).get().unwrap(), Some(Note::new("hello")));
}

#[test]
fn changes_of_different_fields_by_two_devices_both_survive() {
    let server = TestServer::start();
    let (phone, laptop) = (client(&server, "phone"), client(&server, "laptop"));
    let (here, there) = (phone.collection::<Note>("note"), laptop.collection::<Note>("note"));
    phone.start().unwrap();
    laptop.start().unwrap();
    here.create("n", Note::new("a")).unwrap();
    phone.flush(SOON).unwrap();
    laptop.sync(SOON).unwrap();
    here.get("n").update(|note| note.text = "b".into()).unwrap();
    there.get("n").update(|note| note.starred = true).unwrap();
    phone.flush(SOON).unwrap();
    laptop.flush(SOON).unwrap();
    phone.sync(SOON).unwrap();
    laptop.sync(SOON).unwrap();
    let both = Some(Note { text: "b".into(), starred: true });
    assert_eq!((here.get("n").get().unwrap(), there.get("n").get().unwrap()), (both.clone(), both));
}

#[test]
fn a_row_is_pending_until_a_pull_has_confirmed_it() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    let notes = phone.collection::<Note>("note");
    notes.create("n", Note::new("a")).unwrap();
    assert!(notes.row("n").unwrap().unwrap().pending);
    phone.start().unwrap();
    phone.flush(SOON).unwrap();
    assert!(!notes.row("n").unwrap().unwrap().pending);
}

#[test]
fn whoever_waited_for_the_sync_sees_where_it_got_to() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    let notes = phone.collection::<Note>("note");
    phone.start().unwrap();
    for written in 1..=50 {
        notes.add(Note::new("a")).unwrap();
        phone.flush(SOON).unwrap();
        assert_eq!(phone.cursor().get(), written);
    }
}

#[test]
fn a_batch_is_kept_whole_or_not_at_all() {
    let phone = support::offline_client("phone");
    let notes = phone.client.collection::<Note>("note");
    let failed = phone.client.batch(|batch| {
        batch.create(&notes, "a", &Note::new("1"))?;
        assert_eq!(batch.get(&notes, "a")?, Some(Note::new("1")));
        assert_eq!(notes.count()?, 0, "others see nothing of it");
        batch.create(&notes, "a", &Note::new("2"))
    });
    assert!(matches!(failed, Err(Error::Store(StoreError::AlreadyExists { .. }))));
    assert_eq!((notes.count().unwrap(), phone.client.pending().unwrap().len()), (0, 0));
    phone
        .client
        .batch(|batch| {
            batch.create(&notes, "a", &Note::new("1"))?;
            batch.update(&notes, "a", |note| note.starred = true)?;
            batch.set(&notes, "a", &Note::new("3"))?;
            batch.create(&notes, "b", &Note::new("4"))?;
            batch.delete(&notes, "b")?;
            batch.mutate("note.count", &7)
        })
        .unwrap();
    assert_eq!(notes.all().unwrap().len(), 1);
    let names: Vec<_> = phone.client.pending().unwrap().into_iter().map(|mutation| mutation.name).collect();
    assert_eq!(
        names,
        ["note.create", "note.patch", "note.update", "note.create", "note.delete", "note.count"]
    );
}

#[test]
fn a_batch_does_not_undo_what_was_written_while_it_was_made() {
    let phone = support::offline_client("phone");
    let notes = phone.client.collection::<Note>("note");
    notes.create("n", Note::new("")).unwrap();
    let batch = |meanwhile: &str| {
        phone.client.batch(|batch| {
            batch.add(&notes, &Note::new("another"))?;
            for _ in 0..2 {
                batch.update(&notes, "n", |note| note.text.push('x'))?;
            }
            if !meanwhile.is_empty() {
                notes.get("n").update(|note| note.text.push_str(meanwhile))?;
            }
            Ok(())
        })
    };
    let error = batch("y").unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Changed { .. })), "{error:?}");
    assert_eq!(error.to_string(), "note \"n\" was changed meanwhile: nothing was written, do it again");
    assert_eq!((notes.count().unwrap(), notes.get("n").get().unwrap()), (1, Some(Note::new("y"))));
    batch("").unwrap();
    assert_eq!((notes.count().unwrap(), notes.get("n").get().unwrap()), (2, Some(Note::new("yxx"))));
}

#[test]
fn a_mutation_expects_nothing_from_what_has_changed_while_it_was_made() {
    let phone = support::offline_client("phone");
    let notes = phone.client.collection::<Note>("note");
    notes.create("n", Note::new("a")).unwrap();
    let error = phone.client.mutate_expecting("note.star", &"n", |expected| {
        expected.update(&notes, "n", |note| note.starred = true)?;
        notes.get("n").update(|note| note.text.push('b'))
    });
    assert!(matches!(error, Err(Error::Store(StoreError::Changed { .. }))), "{error:?}");
    assert_eq!(notes.get("n").get().unwrap(), Some(Note::new("ab")));
}

#[test]
fn a_custom_mutation_shows_what_is_expected_until_the_server_refuses_it() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    let notes = phone.collection::<Note>("note");
    let id = phone
        .mutate_expecting("note.conjure", &"x", |expected| {
            expected.create(&notes, "n", &Note::new("conjured"))
        })
        .unwrap();
    assert!(notes.row("n").unwrap().unwrap().pending);
    phone.start().unwrap();
    phone.sync(SOON).unwrap();
    assert_eq!(notes.row("n").unwrap(), None);
    let rejected = phone.rejected().unwrap();
    assert_eq!((rejected[0].id.as_str(), rejected[0].code.as_str()), (id.as_str(), "unknown_mutation"));
}

#[test]
fn updates_of_one_field_at_the_same_time_are_all_kept() {
    let phone = support::offline_client("phone");
    let notes = phone.client.collection::<Note>("note");
    notes.create("n", Note::new("")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let note = notes.get("n");
            scope.spawn(move || (0..25).for_each(|_| note.update(|note| note.text.push('x')).unwrap()));
        }
    });
    assert_eq!(notes.get("n").get().unwrap().unwrap().text.len(), 100);
}

#[test]
fn updating_without_changing_anything_queues_nothing() {
    let phone = support::offline_client("phone");
    let notes = phone.client.collection::<Note>("note");
    let note = notes.add(Note::new("a")).unwrap();
    note.update(|note| note.text = "a".into()).unwrap();
    assert_eq!(phone.client.pending().unwrap().len(), 1);
}

#[test]
fn callbacks_come_in_order() {
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let (sender, told) = mpsc::channel();
    let (online, synced) = (sender.clone(), sender);
    let phone = Client::builder(server.url(), "user:1")
        .database(folder.path().join("a.db"))
        .on_online(move || online.send("online".to_owned()).unwrap())
        .on_sync(move |cursor| synced.send(format!("synced {cursor}")).unwrap())
        .open()
        .unwrap();
    phone.start().unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap(), "online");
    assert_eq!(told.recv_timeout(SOON).unwrap(), "synced 0");
    phone.collection::<Note>("note").add(Note::new("a")).unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap(), "synced 1");
}

#[test]
fn a_refusal_that_the_app_has_decided_about_before_it_is_told_is_not_told() {
    let server = TestServer::start();
    let folder = tempfile::tempdir().unwrap();
    let (tell, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let phone = Client::builder(server.url(), "user:1")
        .database(folder.path().join("a.db"))
        .on_rejected(move |refused| {
            tell.send((refused.id, refused.args)).unwrap();
            // Only the first waits.
            let _ = released.lock().unwrap().recv();
        })
        .open()
        .unwrap();
    let ids: Vec<String> = (1..=4).map(|number| phone.mutate("unknown", &number).unwrap()).collect();
    phone.start().unwrap();
    assert_eq!(told.recv_timeout(SOON).unwrap(), (ids[0].clone(), "1".to_owned()));
    phone.sync(SOON).unwrap();
    assert_eq!(phone.rejected().unwrap().len(), 4);
    phone.discard(&ids[1]).unwrap();
    let again = phone.retry_with(&ids[2], &7).unwrap();
    phone.sync(SOON).unwrap();
    drop(release);
    assert_eq!(told.recv_timeout(SOON).unwrap(), (ids[3].clone(), "4".to_owned()));
    assert_eq!(told.recv_timeout(SOON).unwrap(), (again, "7".to_owned()));
}

#[test]
fn a_scope_of_ten_thousand_entities_comes_in_pages() {
    let server = TestServer::start();
    let phone = client(&server, "phone");
    let notes = phone.collection::<Note>("note");
    for chunk in 0..10 {
        phone
            .batch(|batch| {
                for number in 0..1_000 {
                    batch.create(&notes, &format!("{chunk}-{number}"), &Note::new("x"))?;
                }
                Ok(())
            })
            .unwrap();
    }
    phone.start().unwrap();
    phone.flush(SOON).unwrap();
    let laptop = client(&server, "laptop");
    laptop.start().unwrap();
    laptop.wait_for_first_sync(SOON).unwrap();
    assert_eq!(laptop.collection::<Note>("note").count().unwrap(), 10_000);
}

#[test]
fn ids_that_are_made_later_are_greater() {
    let ids: Vec<String> = (0..1_000).map(|_| new_id()).collect();
    assert!(ids.is_sorted());
}
