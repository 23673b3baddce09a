//! Is it still the same log? Trimming, resets, and restored backups.

#![allow(clippy::unwrap_used, reason = "a test that fails there says why")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use mizu_sync_server::{
    Crud, Endpoint, Environment as _, Failure, MutationContext, Mutator, OpenError, Service, ServiceOptions,
    Trimmed,
};
use serde_json::{Value, json};
use support::{Ask as _, DAY, SCOPE, TestEnvironment, create, mutation, position};

struct Fixture {
    environment: Arc<TestEnvironment>,
    service: Service,
}

impl Fixture {
    fn new() -> Self {
        let environment = TestEnvironment::new(1);
        let service = Service::in_memory(options(&environment)).unwrap();
        Self { environment, service }
    }

    /// Creates todos, a batch each, a day apart.
    fn write(&self, ids: &[&str]) -> Vec<String> {
        ids.iter()
            .map(|id| {
                let position = position(&self.service.push(&[create(id)]).results()[0]);
                self.environment.advance(DAY);
                position
            })
            .collect()
    }

    fn trim(&self) -> Trimmed {
        self.service.trim(self.environment.now()).unwrap()
    }
}

fn options(environment: &Arc<TestEnvironment>) -> ServiceOptions {
    ServiceOptions { environment: Arc::clone(environment) as _, keep_log: 7 * DAY, ..Default::default() }
}

#[test]
fn positions_that_the_server_gave_are_accepted() {
    let Fixture { service, .. } = &Fixture::new();
    let zero = service.pull(0).position();
    let push = service.push(&[create("a"), create("b")]);
    let acks = [position(&push.results()[0]), position(&push.results()[1])];
    for log in [zero.clone(), acks[0].clone(), acks[1].clone(), format!("{zero}, {}", acks[1])] {
        assert_eq!(service.pull_knowing(&log).status, 200, "{log}");
        assert_eq!(service.push_knowing(&log, &[create("a")]).status, 200, "{log}");
    }
}

#[test]
fn a_position_with_another_tag_or_above_the_head_is_log_changed() {
    let fixture = Fixture::new();
    let Fixture { service, .. } = &fixture;
    let zero = service.pull(0).position();
    let known = fixture.write(&["a", "b"]);
    for log in
        ["0:beef", "1:beef", "2:beef", "3:beef", &format!("{zero}, 2:beef"), &format!("{}, 9:beef", known[1])]
    {
        assert_eq!(service.pull_knowing(log).code(), "log_changed", "{log}");
        let push = service.push_knowing(log, &[create("c")]);
        assert_eq!((push.status, push.code()), (410, "log_changed"), "{log}");
    }
    assert_eq!(service.pull(0).changes().len(), 2, "nothing was applied");
}

#[test]
fn a_cursor_that_is_no_row_of_the_scope_is_log_changed() {
    let Fixture { service, .. } = &Fixture::new();
    let mut other = create("b");
    other["scope"] = "user:2".into();
    let push = service.push(&[create("a"), other, create("c")]);
    let foreign = position(&push.results()[1]);
    assert_eq!(service.pull_knowing(&foreign).code(), "log_changed");
    assert_eq!(service.pull(2).code(), "log_changed");
    assert_eq!(service.pull(4).code(), "log_changed");
}

#[test]
fn a_malformed_mizu_log_is_refused() {
    let Fixture { service, .. } = &Fixture::new();
    assert_eq!(service.push_knowing("rubbish", &[create("a")]).status, 400);
    assert_eq!(service.pull(0).changes().len(), 0);
}

#[test]
fn mizu_log_with_mutations_of_two_scopes_is_refused() {
    let Fixture { service, .. } = &Fixture::new();
    let zero = service.pull(0).position();
    let mut other = create("b");
    other["scope"] = "user:2".into();
    assert_eq!(service.push_knowing(&zero, &[create("a"), other]).status, 400);
}

#[test]
fn mizu_log_of_a_plain_request_is_ignored() {
    let Fixture { service, .. } = &Fixture::new();
    let body = json!({ "scope": SCOPE, "cursor": 0 });
    assert_eq!(service.send(Endpoint::Pull, false, Some("9:beef"), &body).status, 200);
}

#[test]
fn a_server_that_was_reset_is_noticed_at_once() {
    let (before, after) = (TestEnvironment::new(1), TestEnvironment::new(2));
    let old = Service::in_memory(options(&before)).unwrap();
    let new = Service::in_memory(options(&after)).unwrap();
    let zero = old.pull(0).position();
    let ack = position(&old.push(&[create("a")]).results()[0]);
    assert_eq!(new.pull_knowing(&zero).code(), "log_changed", "a client that had seen nothing");
    assert_eq!(new.push_knowing(&ack, &[create("b")]).code(), "log_changed");
    new.push(&[create("other")]);
    assert_eq!(new.pull_knowing(&ack).code(), "log_changed", "the cursor exists again");
}

#[test]
fn a_server_that_was_restored_from_a_backup_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let (live, backup) = (directory.path().join("live.db"), directory.path().join("backup.db"));
    let open = |path: &Path, seed| Service::open(path, options(&TestEnvironment::new(seed))).unwrap();

    let service = open(&live, 1);
    let kept = position(&service.push(&[create("a")]).results()[0]);
    drop(service);
    fs::copy(&live, &backup).unwrap();
    let service = open(&live, 2);
    let lost = position(&service.push(&[create("b")]).results()[0]);
    drop(service);

    let service = open(&backup, 3);
    assert_eq!(service.pull_knowing(&kept).status, 200, "who saw only what is still there goes on");
    assert_eq!(service.push_knowing(&format!("{kept}, {lost}"), &[create("c")]).code(), "log_changed");
    let again = position(&service.push(&[create("c")]).results()[0]);
    assert_eq!(again.split(':').next(), lost.split(':').next(), "the same cursor is given again");
    assert_eq!(service.pull_knowing(&lost).code(), "log_changed");
    assert_eq!(service.push_knowing(&format!("{kept}, {lost}"), &[create("d")]).code(), "log_changed");
}

#[test]
fn trimming_forgets_what_is_older_than_keep_log() {
    let fixture = Fixture::new();
    fixture.write(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"]);
    assert_eq!(fixture.trim(), Trimmed { changes: 3, outcomes: 0 });
    assert_eq!(fixture.service.pull(3).changes().len(), 7);
    assert_eq!(fixture.service.snapshot().body["total"], 10);
    assert_eq!(fixture.trim(), Trimmed::default());
}

#[test]
fn the_newest_mutation_is_never_trimmed() {
    struct Pairs;
    impl Mutator for Pairs {
        fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
            let id = context.mutation().id.clone();
            context.put_as("todo", &id, &json!({}))?;
            context.put_as("todo", &format!("{id}-2"), &json!({}))
        }
    }
    let environment = TestEnvironment::new(1);
    let options = ServiceOptions { mutator: Arc::new(Pairs), ..options(&environment) };
    let service = Service::in_memory(options).unwrap();
    service.push(&[mutation("a", "pair", Value::Null), mutation("b", "pair", Value::Null)]);
    environment.advance(400 * DAY);
    assert_eq!(service.trim(environment.now()).unwrap().changes, 2);
    assert_eq!(service.pull(2).changes().len(), 2);
}

#[test]
fn more_than_a_chunk_is_trimmed() {
    let Fixture { service, environment } = &Fixture::new();
    let batch: Vec<Value> = (0..12_000).map(|number| create(&format!("t{number}"))).collect();
    service.push(&batch);
    environment.advance(100 * DAY);
    assert_eq!(service.trim(environment.now()).unwrap(), Trimmed { changes: 11_999, outcomes: 12_000 });
}

#[test]
fn a_cursor_below_the_boundary_is_too_old_and_zero_too() {
    let fixture = Fixture::new();
    let zero = fixture.service.pull(0).position();
    let known = fixture.write(&["a", "b", "c"]);
    fixture.environment.advance(7 * DAY);
    fixture.trim();
    for log in [&zero, &known[0]] {
        let pull = fixture.service.pull_knowing(log);
        assert_eq!((pull.status, pull.code()), (410, "cursor_too_old"), "{log}");
    }
    let plain = |cursor: u64| {
        fixture.service.send(Endpoint::Pull, false, None, &json!({ "scope": SCOPE, "cursor": cursor }))
    };
    assert_eq!((plain(0).code(), plain(1).code()), ("cursor_too_old", "cursor_too_old"));
    assert_eq!(plain(1).body["error"], "sync: cursor too old");
    assert_eq!(plain(2).status, 200);
}

#[test]
fn the_boundary_itself_can_be_pulled_from_and_its_tag_is_remembered() {
    let fixture = Fixture::new();
    let known = fixture.write(&["a", "b", "c"]);
    fixture.environment.advance(7 * DAY);
    assert_eq!(fixture.trim().changes, 2);
    assert_eq!(fixture.service.pull_knowing(&known[1]).changes().len(), 1);
    assert_eq!(fixture.service.pull_knowing("2:beef").code(), "log_changed");
    assert_eq!(fixture.service.push_knowing("2:beef", &[create("d")]).code(), "log_changed");
}

#[test]
fn a_provable_log_changed_wins_over_cursor_too_old() {
    let fixture = Fixture::new();
    let known = fixture.write(&["a", "b", "c"]);
    fixture.environment.advance(7 * DAY);
    fixture.trim();
    assert_eq!(fixture.service.pull_knowing(&format!("{}, 99:beef", known[0])).code(), "log_changed");
    assert_eq!(fixture.service.pull_knowing("0:beef").code(), "log_changed");
}

#[test]
fn a_trimmed_ack_cannot_be_proved_and_is_too_old() {
    let fixture = Fixture::new();
    let known = fixture.write(&["a", "b", "c"]);
    fixture.environment.advance(7 * DAY);
    fixture.trim();
    let log = format!("{}, {}", known[2], known[0]);
    assert_eq!(fixture.service.pull_knowing(&log).code(), "cursor_too_old");
    assert_eq!(fixture.service.push_knowing(&log, &[create("d")]).code(), "cursor_too_old");
}

#[test]
fn a_repeat_of_what_was_trimmed_is_acked_where_it_can_be_proved() {
    let fixture = Fixture::new();
    let known = fixture.write(&["a", "b", "c"]);
    fixture.environment.advance(7 * DAY);
    fixture.trim();
    let again = position(&fixture.service.push(&[create("a")]).results()[0]);
    assert_eq!(again, known[1], "the last one that was trimmed");
    let log = format!("{}, {again}", known[2]);
    assert_eq!(fixture.service.push_knowing(&log, &[create("d")]).status, 200);
}

#[test]
fn the_later_pages_of_a_snapshot_must_be_of_the_log_of_the_first() {
    let fixture = Fixture::new();
    let known = fixture.write(&["a", "b", "c"]);
    let page = |log: &str| {
        let body = json!({ "scope": SCOPE, "limit": 1, "after": ["todo", "a"] });
        fixture.service.send(Endpoint::Snapshot, true, Some(log), &body)
    };
    assert_eq!(page(&known[2]).status, 200);
    assert_eq!(page("3:beef").code(), "log_changed");
}

#[test]
fn a_push_of_a_client_that_was_away_for_long_is_taken() {
    let fixture = Fixture::new();
    let known = fixture.write(&["a", "b", "c"]);
    fixture.environment.advance(7 * DAY);
    fixture.trim();
    assert_eq!(fixture.service.push_knowing(&known[0], &[create("d")]).results()[0]["ok"], true);
}

#[test]
fn outcomes_are_kept_for_90_days() {
    let Fixture { service, environment } = &Fixture::new();
    service.push(&[create("a")]);
    environment.advance(90 * DAY);
    assert_eq!(service.trim(environment.now()).unwrap().outcomes, 0);
    assert_eq!(service.push(&[create("a")]).results()[0]["ok"], true);
    environment.advance(DAY);
    assert_eq!(service.trim(environment.now()).unwrap().outcomes, 1);
    assert_eq!(service.push(&[create("a")]).results()[0]["code"], "conflict");
}

#[test]
fn a_log_that_is_kept_for_less_than_7_days_is_refused() {
    let options = ServiceOptions { keep_log: 6 * DAY, ..Default::default() };
    assert!(matches!(Service::in_memory(options), Err(OpenError::LogKeptTooShortly)));
}

#[test]
fn a_clock_that_was_set_back_trims_nothing_young() {
    struct Jumping(std::sync::Mutex<SystemTime>);
    impl mizu_sync_server::Environment for Jumping {
        fn now(&self) -> SystemTime {
            *self.0.lock().unwrap()
        }
        fn random(&self) -> u64 {
            4
        }
    }
    let today = SystemTime::UNIX_EPOCH + 20_000 * DAY;
    let clock = Arc::new(Jumping(today.into()));
    let options = ServiceOptions {
        environment: Arc::clone(&clock) as _,
        mutator: Arc::new(Crud),
        ..Default::default()
    };
    let service = Service::in_memory(options).unwrap();
    for (day, id) in [(today, "young"), (today - 3_650 * DAY, "ten-years-off"), (today, "newest")] {
        *clock.0.lock().unwrap() = day;
        service.push(&[create(id)]);
    }
    assert_eq!(service.trim(today + DAY).unwrap(), Trimmed::default());
    assert_eq!(
        service.push(&[create("ten-years-off")]).results()[0]["ok"],
        true,
        "and it is not applied again"
    );
}
