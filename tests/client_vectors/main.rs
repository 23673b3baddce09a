//! Our client and what go-mizu's own programs said, as it was recorded: what it sends them is within what they
//! know, and what it makes of each of their answers is what the protocol says.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails there says why")]

mod go_client;
mod go_mizu;
mod pulls;
mod pushes;
mod recorded;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
mod todo_sample;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use mizu_sync::{Builder, Client, Cursor, Error, RejectedMutation};
use serde_json::Value;
use tempfile::TempDir;

use go_mizu::GoMizu;
use recorded::{CLIENT, SERVER, TODO};
use support::SOON;

/// Which test is about which recorded case. A case without one, or a test of a case that is gone, fails.
#[rustfmt::skip]
const TESTS: &[(&str, &str, fn())] = &[
    (SERVER, "snapshot-empty", pulls::a_scope_that_nobody_has_written_to_is_empty_and_no_reset),
    (SERVER, "pull-empty", pulls::a_scope_that_nobody_has_written_to_is_empty_and_no_reset),
    (SERVER, "push-create", pushes::a_create_is_sent_as_recorded_and_settled_by_a_pull),
    (SERVER, "push-unknown-field", pushes::a_batch_in_the_form_of_another_server_is_learnt_from_and_sent_again),
    (SERVER, "push-repeat", pushes::a_push_whose_answer_was_lost_is_sent_again_and_applied_once),
    (SERVER, "push-conflict", pushes::a_conflict_is_permanent_by_its_text),
    (SERVER, "push-not-found", pushes::what_is_not_found_is_refused_for_good_by_its_text),
    (SERVER, "push-invalid", pushes::an_unknown_verb_is_refused_for_good_by_its_text),
    (SERVER, "push-temporary", pushes::free_text_is_a_temporary_failure_that_blocks_nobody),
    (SERVER, "push-mixed", pushes::results_of_one_batch_go_to_their_own_mutations),
    (SERVER, "push-unicode", pushes::an_id_of_any_letters_goes_there_and_back),
    (SERVER, "push-two-scopes", pushes::two_scopes_share_one_log_with_gaps_and_big_numbers_stay_exact),
    (SERVER, "pull-all", pulls::a_log_from_its_beginning_is_replayed_behind_the_scenes),
    (SERVER, "pull-page-1", pulls::a_log_in_small_pages_is_the_same_log),
    (SERVER, "pull-page-2", pulls::a_log_in_small_pages_is_the_same_log),
    (SERVER, "pull-caught-up", pulls::a_caught_up_pull_moves_nothing),
    (SERVER, "pull-ahead-of-server", pulls::a_cursor_ahead_of_the_server_is_no_reset_for_a_reader),
    (SERVER, "snapshot", pulls::a_snapshot_is_what_is_seen),
    (SERVER, "push-denied-scope", refusals::a_push_to_a_denied_scope_keeps_the_queue),
    (SERVER, "pull-denied-scope", refusals::a_pull_of_a_denied_scope_ends_the_sync),
    (SERVER, "push-empty", refusals::a_refused_body_loses_nothing),
    (SERVER, "push-101", refusals::no_batch_has_more_than_a_hundred_mutations),
    (SERVER, "push-over-1MiB", refusals::no_batch_has_more_than_900_kib),
    (SERVER, "push-not-json", refusals::a_refused_body_loses_nothing),
    (SERVER, "push-trailing-data", refusals::a_refused_body_loses_nothing),
    (SERVER, "push-number-args", pushes::arguments_may_be_any_json_and_be_refused),
    (SERVER, "unknown-path", refusals::a_path_that_is_not_there_is_named),
    (SERVER, "pull-after-trim", pulls::a_cursor_that_is_too_old_leads_to_a_snapshot),
    (SERVER, "pull-zero-after-trim", pulls::a_first_sync_with_a_trimmed_log_misses_nothing),
    (TODO, "snapshot-empty", todo_sample::every_write_makes_the_round_trip),
    (TODO, "push-create", todo_sample::every_write_makes_the_round_trip),
    (TODO, "push-update", todo_sample::every_write_makes_the_round_trip),
    (TODO, "push-toggle", todo_sample::every_write_makes_the_round_trip),
    (TODO, "push-create-2", todo_sample::every_write_makes_the_round_trip),
    (TODO, "push-delete", todo_sample::every_write_makes_the_round_trip),
    (TODO, "push-crud-shape", todo_sample::without_its_dialect_a_write_is_refused_and_shown_to_the_app),
    (TODO, "pull", todo_sample::a_second_device_never_sees_the_log_replay),
    (TODO, "snapshot", todo_sample::a_second_device_never_sees_the_log_replay),
    (CLIENT, "0", go_client::what_it_pushes_we_push_in_the_plain_form),
    (CLIENT, "1", go_client::what_it_pushes_we_push_in_the_plain_form),
    (CLIENT, "2", go_client::a_server_that_applies_a_repeat_again_confuses_nobody),
    (CLIENT, "3", go_client::entities_in_base64_are_pulled),
    (CLIENT, "4", go_client::a_snapshot_in_base64_is_read),
    (CLIENT, "5", go_client::a_snapshot_in_base64_is_read),
];

#[test]
fn every_recorded_case_has_a_test() {
    let named = |file: &str| -> BTreeSet<String> {
        TESTS.iter().filter(|(of, ..)| *of == file).map(|(_, case, _)| (*case).to_owned()).collect()
    };
    let names = |cases: Vec<recorded::Case>| cases.into_iter().map(|case| case.name).collect::<BTreeSet<_>>();
    assert_eq!(named(SERVER), names(recorded::cases(SERVER)));
    assert_eq!(named(TODO), names(recorded::cases(TODO)));
    assert_eq!(named(CLIENT), names(recorded::exchanges()));
}

/// The other tests rest on this one: what they hear from the stand-in is what go-mizu's server says.
#[test]
fn the_stand_in_says_what_was_recorded() {
    for (file, server) in [(SERVER, GoMizu::at(0)), (TODO, GoMizu::todo_sample(0))] {
        for case in recorded::cases(file) {
            if case.name == "pull-after-trim" {
                server.state().trimmed = 6;
            }
            let path = format!("/_sync{}", case.path);
            let (status, body) =
                support::scripted::post(server.server.address(), &path, &case.request_body());
            let said = serde_json::from_slice(&body)
                .unwrap_or_else(|_| Value::String(String::from_utf8(body.clone()).unwrap()));
            assert_eq!((status, &said), (case.status, &case.response), "{file}: {}", case.name);
        }
    }
}

/// A client with a file of its own and everything that it told.
pub(crate) struct Device {
    pub(crate) client: Client,
    pub(crate) errors: Receiver<Error>,
    pub(crate) synced: Receiver<Cursor>,
    pub(crate) rejected: Receiver<RejectedMutation>,
    pub(crate) path: PathBuf,
    folder: Option<TempDir>,
}

impl Device {
    pub(crate) fn new(url: &str, scope: &str) -> Self {
        Self::with(url, scope, |builder| builder)
    }

    pub(crate) fn with(url: &str, scope: &str, options: impl FnOnce(Builder) -> Builder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        Self { folder: Some(folder), ..Self::open(path, url, scope, options) }
    }

    fn open(path: PathBuf, url: &str, scope: &str, options: impl FnOnce(Builder) -> Builder) -> Self {
        let (error, errors) = mpsc::channel();
        let (sync, synced) = mpsc::channel();
        let (reject, rejected) = mpsc::channel();
        let builder = Client::builder(url, scope)
            .database(&path)
            .pull_interval(Duration::from_secs(3600))
            .on_error(move |told| _ = error.send(told))
            .on_sync(move |told| _ = sync.send(told))
            .on_rejected(move |told| _ = reject.send(told));
        let client = options(builder).open().unwrap();
        Self { client, errors, synced, rejected, path, folder: None }
    }

    /// One whose first sync has ended.
    pub(crate) fn synced(server: &GoMizu, scope: &str) -> Self {
        let device = Self::new(&server.url(), scope);
        device.client.start().unwrap();
        device.client.sync(SOON).unwrap();
        device
    }

    /// As if the process had died and begun again.
    pub(crate) fn restarted(self, url: &str, scope: &str) -> Self {
        let Self { client, path, folder, .. } = self;
        drop(client);
        Self { folder, ..Self::open(path, url, scope, |builder| builder) }
    }

    pub(crate) fn rows(&self) -> BTreeMap<String, Value> {
        let rows = self.client.collection::<Value>("todo").all().unwrap();
        rows.into_iter().map(|row| (row.id, row.value)).collect()
    }

    pub(crate) fn cursor(&self) -> u64 {
        self.client.cursor().get()
    }

    /// Everything is sent and confirmed, and nothing went wrong.
    pub(crate) fn assert_quiet(&self) {
        assert_eq!(self.client.pending().unwrap(), []);
        assert_eq!(self.client.rejected().unwrap(), []);
        assert_eq!(self.errors.try_iter().collect::<Vec<_>>(), []);
    }
}

/// Rows as they should be.
pub(crate) fn expected<const N: usize>(rows: [(&str, Value); N]) -> BTreeMap<String, Value> {
    rows.into_iter().map(|(id, value)| (id.to_owned(), value)).collect()
}
