use std::sync::{Arc, Barrier};
use std::thread;

use super::*;
use crate::store::connections::lock;

#[test]
fn writers_that_come_together_all_get_their_own_result() {
    let fixture = Fixture::new();
    fixture.create("taken", "{}");
    let store = Arc::new(fixture.store);
    let barrier = Arc::new(Barrier::new(8));
    let writers = (0..8).map(|writer| {
        let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
        thread::spawn(move || {
            barrier.wait();
            let (mut kept, mut refused) = (0, 0);
            for number in 0..50 {
                let id = if number % 5 == 0 { "taken".to_owned() } else { format!("{writer}-{number}") };
                let intent = Intent::Entity(todo(&id), Edit::Create(object("{}")));
                match store.write(vec![mutation(&format!("{writer}-{number}"), intent)]) {
                    Ok(()) => kept += 1,
                    Err(error) => {
                        assert_eq!(error, StoreError::AlreadyExists { entity: todo("taken") });
                        refused += 1;
                    }
                }
            }
            (kept, refused)
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.join().unwrap(), (40, 10));
    }
    assert_eq!(store.counts().pending, 321);
    assert_eq!(store.count("todo").unwrap(), 321);
    store.check_invariants().unwrap();
}

#[test]
fn a_full_disk_keeps_nothing_of_the_write_and_everything_before_it() {
    let fixture = Fixture::new();
    fixture.create("before", r#"{"n":1}"#);
    fixture.store.limit_pages(Some(0));
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(300_000));
    let error = fixture.write("large", Edit::Create(object(&large))).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    assert_eq!(fixture.shown("before").as_deref(), Some(r#"{"n":1}"#));
    assert_eq!(fixture.shown("large"), None);
    fixture.store.limit_pages(None);
    fixture.create("after", "{}");
    let fixture = fixture.reopened();
    assert_eq!(fixture.store.counts().pending, 2);
}

#[test]
fn writers_that_come_together_on_a_full_disk_are_told_so_and_those_that_fit_are_kept() {
    let fixture = Fixture::new();
    fixture.create("before", "{}");
    fixture.store.limit_pages(Some(8));
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(300_000));
    thread::scope(|scope| {
        let writer = fixture.store.connections.writer();
        let (fixture, large) = (&fixture, &large);
        let writers: Vec<_> = (0..6)
            .flat_map(|number| [(format!("small-{number}"), "{}"), (format!("large-{number}"), large)])
            .map(|(id, data)| scope.spawn(move || (fixture.write(&id, Edit::Create(object(data))), id)))
            .collect();
        while lock(&fixture.store.waiting).len() < writers.len() {
            thread::yield_now();
        }
        drop(writer);
        for writer in writers {
            let (result, id) = writer.join().unwrap();
            match result {
                Ok(()) => assert!(id.starts_with("small"), "{id}"),
                Err(error) => assert!(
                    id.starts_with("large") && matches!(error, StoreError::Full { .. }),
                    "{id}: {error:?}"
                ),
            }
        }
    });
    fixture.store.check_invariants().unwrap();
    let fixture = fixture.reopened();
    assert_eq!(fixture.store.counts().pending, 7);
}

#[test]
fn a_paused_store_lets_another_one_have_the_file() {
    let fixture = Fixture::new();
    assert!(matches!(open(&fixture.folder), Err(StoreError::AlreadyOpen { .. })));
    fixture.store.pause();
    assert_eq!(fixture.store.get(&todo("a")).unwrap_err(), StoreError::Paused);
    let other = open(&fixture.folder).unwrap();
    assert!(matches!(fixture.store.resume(), Err(StoreError::AlreadyOpen { .. })));
    drop(other);
    fixture.store.resume().unwrap();
    fixture.create("a", "{}");
}

#[test]
fn what_could_not_be_deleted_is_paused_and_can_be_deleted_later() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let path = fixture.folder.path().join("todos.db");
    let in_the_way = |_| {
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        true
    };
    fixture.store.destroy(in_the_way).unwrap_err();
    assert_eq!(fixture.store.get(&todo("a")).unwrap_err(), StoreError::Paused);
    std::fs::remove_dir(&path).unwrap();
    fixture.store.destroy(|_| true).unwrap().unwrap();
    assert!(!path.exists());
    assert_eq!(fixture.store.get(&todo("a")).unwrap_err(), StoreError::Closed);
}

#[test]
fn a_paused_store_is_judged_by_the_queue_that_its_file_has_now() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    fixture.store.pause();
    open(&fixture.folder).unwrap().discard("m-a").unwrap();
    fixture.store.destroy(|queue| queue.pending == 0).unwrap().unwrap();
    assert_eq!(fixture.write("b", Edit::Delete).unwrap_err(), StoreError::Closed);
}

#[test]
fn a_closed_store_says_so() {
    let fixture = Fixture::new();
    fixture.store.close();
    assert_eq!(fixture.write("a", Edit::Delete).unwrap_err(), StoreError::Closed);
    assert_eq!(fixture.store.all("todo").unwrap_err(), StoreError::Closed);
    open(&fixture.folder).unwrap();
}

#[test]
fn a_store_in_memory_does_the_same() {
    let store = Store::open(Location::Memory, owner(), Durability::Full).unwrap();
    store.write(vec![mutation("m", Intent::Entity(todo("a"), Edit::Create(object("{}"))))]).unwrap();
    assert!(store.get(&todo("a")).unwrap().is_some());
    store.check_invariants().unwrap();
}
