//! Executes what the engine asks of the store. The same in the app and in the simulator.

use crate::store::{Store, StoreError};
use crate::sync::{Command, Stored};

/// Rows of an old generation that are deleted by one transaction: a few milliseconds, so that no write of the
/// app waits for longer.
const SWEPT_AT_ONCE: u32 = 1_000;

/// Executes one command.
///
/// # Errors
/// When the store fails; then nothing has changed.
pub fn execute(store: &Store, command: Command) -> Result<Stored, StoreError> {
    Ok(match command {
        Command::Reload => Stored::Reloaded(Box::new(store.replica()?)),
        Command::TakeBatch(request) => Stored::Batch(store.take_batch(&request)?),
        Command::Record { outcomes, at } => Stored::Recorded(store.record(&outcomes, at)?),
        Command::CountAttempts(seqs) => {
            store.count_attempts(&seqs)?;
            Stored::AttemptsCounted
        }
        Command::LogChanged { wire, server_now, at } => {
            Stored::LogChanged(store.log_changed(wire, server_now, at)?)
        }
        Command::DoubtAcks { server_now, at } => Stored::AcksDoubted(store.doubt_acks(server_now, at)?),
        Command::ApplyPage(page) => Stored::PageApplied(store.apply_page(&page)?),
        Command::StageBegin => Stored::StageBegun(store.stage_begin()?),
        Command::StageCheckpoint(stage) => {
            store.stage_checkpoint(&stage)?;
            Stored::StageCheckpointed
        }
        Command::StagePage { stage, page } => Stored::StagePaged(store.stage_page(&stage, &page)?),
        Command::StageDrop => {
            store.stage_drop()?;
            Stored::StageDropped
        }
        Command::Swap { stage, ended_round } => Stored::Swapped(store.swap(&stage, ended_round)?),
        Command::Sweep => Stored::Swept { more: store.sweep(SWEPT_AT_ONCE)? },
        Command::LearnWire(wire) => {
            store.learn_wire(wire)?;
            Stored::Learnt
        }
        Command::LearnVersions(versions) => {
            store.learn_versions(&versions)?;
            Stored::Learnt
        }
    })
}
