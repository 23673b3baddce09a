//! What engines ask for and are told, in the words of the trace.

use mizu_sync::simulation::{Command, Notice, Plan, Stored};

/// A command to the store.
#[must_use]
pub fn command(command: &Command) -> String {
    match command {
        Command::TakeBatch(request) => format!("take {:?}", request.selection),
        Command::Record { outcomes, .. } => format!("record {outcomes:?}"),
        Command::CountAttempts(seqs) => format!("count attempts {seqs:?}"),
        Command::LogChanged { .. } => "log changed".to_owned(),
        Command::DoubtAcks { .. } => "doubt acks".to_owned(),
        Command::ApplyPage(page) => {
            format!("page of {} to {}", page.changes.len() + page.unreadable.len(), page.cursor)
        }
        Command::Reload => "reload".to_owned(),
        Command::StageBegin => "stage begin".to_owned(),
        Command::StageCheckpoint(stage) => {
            format!("stage checkpoint {} after {:?}", stage.cursor, stage.after)
        }
        Command::StagePage { page, .. } => {
            format!("staged page of {} to {}", page.changes.len(), page.cursor)
        }
        Command::StageDrop => "stage drop".to_owned(),
        Command::Swap { stage, .. } => format!("swap to generation {} at {}", stage.generation, stage.cursor),
        Command::Sweep => "sweep".to_owned(),
        Command::LearnWire(wire) => format!("learn {wire:?}"),
        Command::LearnVersions(_) => "learn versions".to_owned(),
    }
}

/// What the store did.
#[must_use]
pub fn stored(stored: &Stored) -> String {
    match stored {
        Stored::Batch(batch) => {
            let ids: Vec<&str> = batch.mutations.iter().map(|mutation| mutation.id.as_str()).collect();
            format!("{ids:?}, expired {:?}", batch.expired)
        }
        Stored::Recorded(rejected) | Stored::LogChanged(rejected) | Stored::AcksDoubted(rejected) => {
            format!("rejected {rejected:?}")
        }
        Stored::PageApplied(applied) | Stored::StagePaged(applied) | Stored::Swapped(applied) => {
            format!("settled {}", applied.settled)
        }
        Stored::StageBegun(generation) => format!("generation {generation}"),
        Stored::Swept { more } => format!("more {more}"),
        Stored::Reloaded(_)
        | Stored::AttemptsCounted
        | Stored::StageCheckpointed
        | Stored::StageDropped
        | Stored::Learnt => "done".to_owned(),
    }
}

/// What the app is told.
#[must_use]
pub fn notice(notice: &Notice) -> String {
    match notice {
        Notice::Online => "online".to_owned(),
        Notice::Offline => "offline".to_owned(),
        Notice::Synced(cursor) => format!("synced to {cursor}"),
        Notice::Error(error) => format!("error: {error}"),
        Notice::TokenNeeded => "a token is needed".to_owned(),
        Notice::Rejected(rejected) => format!("{} rejected: {}", rejected.id, rejected.code),
    }
}

/// What is asked of the server.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    match plan {
        Plan::Push { mutations, wire, .. } => {
            let ids: Vec<&str> = mutations.iter().map(|mutation| mutation.id.as_str()).collect();
            format!("push {ids:?} {}", wire.as_str())
        }
        Plan::Pull { cursor, limit, .. } => format!("pull from {cursor} up to {limit}"),
        Plan::Snapshot { after, .. } => match after {
            Some(key) => format!("snapshot after {key}"),
            None => "snapshot".to_owned(),
        },
    }
}
