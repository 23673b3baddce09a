//! What commits say they have changed.

use std::sync::{Arc, Mutex};

use super::{AT, Fixture, cursor, gone, object, put, todo};
use crate::model::{ChangeSet, Edit, EntityKey, Outcome, Stage};
use crate::store::Version;

/// Keeps what a store announces.
struct Heard(Arc<Mutex<Vec<ChangeSet>>>);

impl Heard {
    fn by(fixture: &Fixture) -> Self {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&heard);
        fixture.store.observe(Box::new(move |_, seen| keep.lock().unwrap().push(seen.clone())));
        Self(heard)
    }

    /// What was announced since it was asked last.
    fn take(&self) -> Vec<ChangeSet> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The entities of the one change set since then: id, before, after, marks.
    fn entities(&self) -> Vec<(String, Option<String>, Option<String>, bool)> {
        let taken = self.take();
        let [one] = &*taken else { panic!("{taken:?}") };
        let text = |data: &Option<crate::model::Object>| data.as_ref().map(|data| data.as_str().to_owned());
        one.entities
            .iter()
            .map(|(key, change)| (key.id.clone(), text(&change.before), text(&change.after), change.marks))
            .collect()
    }
}

fn entry(
    id: &str,
    before: Option<&str>,
    after: Option<&str>,
    marks: bool,
) -> (String, Option<String>, Option<String>, bool) {
    (id.to_owned(), before.map(str::to_owned), after.map(str::to_owned), marks)
}

#[test]
fn a_write_tells_the_data_before_and_after() {
    let fixture = Fixture::new();
    let heard = Heard::by(&fixture);
    fixture.create("a", r#"{"n":1}"#);
    assert_eq!(heard.entities(), [entry("a", None, Some(r#"{"n":1}"#), true)]);
    fixture.update("a", r#"{"n":2}"#);
    assert_eq!(heard.entities(), [entry("a", Some(r#"{"n":1}"#), Some(r#"{"n":2}"#), false)]);
    fixture.write("a", Edit::Delete).unwrap();
    assert_eq!(heard.entities(), [entry("a", Some(r#"{"n":2}"#), None, false)]);
}

#[test]
fn a_write_that_fails_tells_nothing() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let heard = Heard::by(&fixture);
    fixture.write("a", Edit::Create(object("{}"))).unwrap_err();
    assert_eq!(heard.take(), []);
}

#[test]
fn a_page_tells_only_what_is_different() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1}"#), put("b", r#"{"n":1}"#), put("c", r#"{"n":1}"#)]);
    let heard = Heard::by(&fixture);
    fixture.page(2, vec![put("a", r#"{"n":1}"#), put("b", r#"{"n":2}"#), gone("c"), gone("d")]);
    assert_eq!(
        heard.entities(),
        [
            entry("b", Some(r#"{"n":1}"#), Some(r#"{"n":2}"#), false),
            entry("c", Some(r#"{"n":1}"#), None, false)
        ]
    );
    fixture.page(3, Vec::new());
    assert_eq!(heard.take(), []);
}

#[test]
fn what_lies_under_an_own_write_is_not_told() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1,"m":1}"#)]);
    fixture.update("a", r#"{"n":5}"#);
    let heard = Heard::by(&fixture);
    fixture.page(2, vec![put("a", r#"{"n":2,"m":1}"#)]);
    assert_eq!(heard.take(), []);
    fixture.page(3, vec![put("a", r#"{"n":2,"m":3}"#)]);
    assert_eq!(heard.entities(), [entry("a", Some(r#"{"n":5,"m":1}"#), Some(r#"{"n":5,"m":3}"#), false)]);
}

#[test]
fn settling_tells_that_the_mark_is_gone_and_the_queue_shorter() {
    let fixture = Fixture::new();
    fixture.create("a", r#"{"n":1}"#);
    fixture.ack(1, 7);
    let heard = Heard::by(&fixture);
    fixture.page(7, vec![put("a", r#"{"n":1}"#)]);
    let taken = heard.take();
    let [one] = &*taken else { panic!("{taken:?}") };
    let change = &one.entities[&todo("a")];
    assert!(one.queue && change.marks && !change.of_data());
}

#[test]
fn a_rejection_tells_what_it_undid() {
    let fixture = Fixture::new();
    fixture.page(1, vec![put("a", r#"{"n":1}"#)]);
    fixture.update("a", r#"{"n":2}"#);
    let heard = Heard::by(&fixture);
    fixture.reject(1);
    assert_eq!(heard.entities(), [entry("a", Some(r#"{"n":2}"#), Some(r#"{"n":1}"#), true)]);
    let id = fixture.store.rejected().unwrap()[0].id.clone();
    fixture.store.discard(&id).unwrap();
    assert_eq!(heard.entities(), [entry("a", Some(r#"{"n":1}"#), Some(r#"{"n":1}"#), true)]);
}

#[test]
fn a_failure_tells_of_the_queue_alone() {
    let fixture = Fixture::new();
    fixture.create("a", "{}");
    let heard = Heard::by(&fixture);
    let failed =
        Outcome::Failed { error: "later".to_owned(), at: AT, suspect: false, not_applied_before: None };
    fixture.record(1, failed);
    assert_eq!(heard.take(), [ChangeSet { queue: true, ..ChangeSet::default() }]);
}

fn snapshot(fixture: &Fixture, at: u64, rows: &[(&str, &str)]) {
    let generation = fixture.store.stage_begin().unwrap();
    let rows: Vec<_> = rows.iter().map(|(id, data)| put(id, data)).collect();
    fixture.store.stage_rows((fixture.store.session(), generation), &rows, &[]).unwrap();
    let stage = Stage {
        generation,
        cursor: cursor(at),
        tag: None,
        newest_page: None,
        after: None,
        rows: rows.len() as u64,
        total: None,
    };
    fixture.store.stage_checkpoint(&stage).unwrap();
    fixture.store.swap(&stage, 1).unwrap();
    fixture.store.check_invariants().unwrap();
}

#[test]
fn the_first_snapshot_tells_that_anything_may_be_different_and_a_later_one_what_is() {
    let fixture = Fixture::new();
    let heard = Heard::by(&fixture);
    snapshot(&fixture, 1, &[("a", r#"{"n":1}"#), ("b", r#"{"n":1}"#), ("c", r#"{"n":1}"#)]);
    assert_eq!(heard.take(), [ChangeSet::everything()]);
    fixture.update("c", r#"{"n":9}"#);
    heard.take();
    snapshot(&fixture, 2, &[("a", r#"{"n":1}"#), ("b", r#"{"n":2}"#), ("c", r#"{"n":3}"#), ("d", "{}")]);
    assert_eq!(
        heard.entities(),
        [entry("b", Some(r#"{"n":1}"#), Some(r#"{"n":2}"#), false), entry("d", None, Some("{}"), false)]
    );
}

#[test]
fn after_a_pause_anything_may_be_different() {
    let fixture = Fixture::new();
    let heard = Heard::by(&fixture);
    fixture.store.pause();
    fixture.store.resume().unwrap();
    assert_eq!(heard.take(), [ChangeSet::everything()]);
}

#[test]
fn the_version_grows_with_each_commit_that_is_seen() {
    let fixture = Fixture::new();
    let mut last = Version::default();
    let mut grows = |grown: bool| {
        let now = fixture.store.version();
        assert_eq!(now > last, grown, "{now:?} after {last:?}");
        last = now;
    };
    fixture.create("a", "{}");
    grows(true);
    fixture.page(1, vec![put("b", "{}")]);
    grows(true);
    fixture.page(2, vec![put("b", "{}")]);
    grows(false);
}

#[test]
fn writers_that_come_together_hear_of_their_own_writes_before_they_return() {
    let fixture = Fixture::new();
    let heard = Arc::new(Mutex::new(Vec::<EntityKey>::new()));
    let keep = Arc::clone(&heard);
    fixture
        .store
        .observe(Box::new(move |_, seen| keep.lock().unwrap().extend(seen.entities.keys().cloned())));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (fixture, heard) = (&fixture, &heard);
            scope.spawn(move || {
                for number in 0..50 {
                    let id = format!("{thread}-{number}");
                    fixture.create(&id, "{}");
                    assert!(heard.lock().unwrap().contains(&todo(&id)), "{id}");
                }
            });
        }
    });
    assert_eq!(heard.lock().unwrap().len(), 400);
}
