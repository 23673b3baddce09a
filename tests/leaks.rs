//! What is watched no more leaves nothing behind.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use mizu_sync::{Client, Effect, field, reactive};
use support::{Note, SOON};

#[test]
fn effects_queries_and_handles_that_are_dropped_leave_the_graph() {
    let client = Client::builder("http://127.0.0.1:9/_sync", "user:1").in_memory().open().unwrap();
    let notes = client.collection::<Note>("note");
    notes.create("a", Note::new("1")).unwrap();
    let before = reactive::counts();
    for round in 0..200 {
        let (one, all) = (notes.get("a"), notes.query().filter(field("text").eq(round.to_string())));
        let effects = [
            Effect::new(move || one.row().map(drop).map_err(Into::into)),
            Effect::new({
                let (all, notes) = (all.clone(), notes.clone());
                // A handle and a query that are new with each run.
                move || {
                    notes.get("a").get()?;
                    notes.query().order_by("text").all()?;
                    all.count()?;
                    Ok(())
                }
            }),
        ];
        let subscription = all.subscribe(|_| {});
        notes.get("a").update(|note| note.starred = !note.starred).unwrap();
        client.delivered(SOON).unwrap();
        drop((effects, subscription));
    }
    assert_eq!(reactive::counts(), before);
    drop((notes, client));
    assert_eq!(reactive::counts(), reactive::Counts { nodes: 0, links: 0, effects: 0 });
}
