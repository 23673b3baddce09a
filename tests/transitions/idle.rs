//! What an idle client costs.
#![cfg(target_os = "linux")]

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use mizu_sync::Effect;

use crate::process::{alone, tasks, threads, within};
use crate::support::{Note, SOON, TestServer, client};

/// For how long nobody may wake up.
const WINDOW: Duration = Duration::from_millis(400);

/// So many windows may be disturbed by what is still on its way.
const WINDOWS: usize = 20;

#[test]
fn an_idle_client_has_five_threads_and_none_of_them_wakes_up() {
    let _alone = alone();
    let done = within(|| {
        let server = TestServer::start();
        let phone = client(&server, "phone");
        let (status, (tell, live)) = (phone.status(), mpsc::channel());
        let watch = Effect::new(move || {
            if status.get().live {
                let _ = tell.send(());
            }
        });
        phone.start().unwrap();
        live.recv_timeout(SOON).unwrap();
        phone.collection::<Note>("note").add(Note::new("")).unwrap();
        phone.sync(SOON).unwrap();
        phone.delivered(SOON).unwrap();
        drop(watch);
        let names = ["mizu-callbacks", "mizu-live", "mizu-pull", "mizu-push", "mizu-sync"];
        assert_eq!(threads(), names);
        // Something that has nothing to do with the client, and does not come.
        let (_never, comes) = mpsc::channel::<()>();
        let mut before = tasks();
        for _ in 0..WINDOWS {
            assert_eq!(comes.recv_timeout(WINDOW), Err(RecvTimeoutError::Timeout));
            let after = tasks();
            if after == before {
                return None;
            }
            before = after;
        }
        Some(before)
    });
    assert_eq!(done, Ok(None), "its threads wake up all the time");
}
