//! The business logic of the simulated server. It writes down what it applies twice: in a scope of its own, in
//! the transaction of the effect, where the database's promises are tested; and at a desk in memory, from
//! where the simulator takes it after the commit.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mizu_sync::simulation::EntityKey;
use mizu_sync_server::{Crud, Failure, MutationContext, Mutator, Rejection};
use serde::{Deserialize, Serialize};

use crate::history::Applied;
use crate::network::ANSWER_TIMEOUT;

/// The scope that everybody syncs.
pub const SCOPE: &str = "home";
/// The scope in which the mutator counts what it applied.
pub const JOURNAL: &str = "journal";
/// The collection in [`JOURNAL`]: an entity a mutation.
pub const APPLIED: &str = "applied";

/// A mutation with which something is always wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// It fails for now.
    Fails,
    /// Every connection breaks on which it is sent, before the server looks at it.
    Breaks,
    /// It is never answered.
    Hangs,
}

impl Poison {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Fails, Self::Breaks, Self::Hangs];

    /// How it is called on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fails => "poison.fail",
            Self::Breaks => "poison.break",
            Self::Hangs => "poison.hang",
        }
    }

    /// How long it may take to find out which mutation it is, and to try the others: seven halvings of a
    /// batch and three attempts alone, with waits of up to 5 s between them.
    #[must_use]
    pub const fn trials(self) -> Duration {
        let attempts = 10;
        match self {
            Self::Fails => Duration::from_secs(15),
            Self::Breaks => Duration::from_secs(5 * attempts),
            Self::Hangs => Duration::from_secs((5 + ANSWER_TIMEOUT.as_secs()) * attempts),
        }
    }
}

/// What the mutator leaves for the simulator, and is told by it.
#[derive(Debug, Default)]
pub struct Desk {
    /// Applied, and not known to be committed.
    pub applied: Vec<Applied>,
    /// The ids of those that failed for now, with whether they always do.
    pub failed: Vec<(String, bool)>,
    /// How many were refused because they always are.
    pub refused: u64,
    /// Whether everything fails for now.
    pub outage: bool,
}

/// The business logic: the generic mutations, transfers between accounts, a mutation without a local effect,
/// one that always fails and one that is always refused.
#[derive(Clone, Default)]
pub struct App(Arc<Mutex<Desk>>);

/// An entry of the journal.
#[derive(Serialize, Deserialize)]
pub struct Entry {
    /// How often the mutation was applied.
    pub count: u32,
}

/// What every entity has.
#[derive(Deserialize)]
struct Marked {
    rev: u64,
}

#[derive(Deserialize)]
struct Target {
    id: String,
}

/// An account.
#[derive(Serialize, Deserialize)]
pub struct Account {
    /// The mark of the mutation that wrote it last.
    pub rev: u64,
    /// What is in it.
    pub balance: i64,
}

#[derive(Deserialize)]
struct Transfer {
    from: String,
    to: String,
    amount: i64,
    rev: u64,
}

#[derive(Deserialize)]
struct Touch {
    id: String,
    rev: u64,
}

#[derive(Serialize, Deserialize)]
struct Touched {
    rev: u64,
    title: String,
}

impl App {
    /// The desk.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dispatch(context: &mut MutationContext<'_>) -> Result<Vec<(EntityKey, Option<u64>)>, Failure> {
        let mutation = context.mutation();
        match mutation.name.as_ref() {
            "account.transfer" => transfer(context),
            "item.touch" => touch(context),
            "refuse.conflict" => Err(Rejection::conflict("this is always refused").into()),
            "refuse.invalid" => Err(Rejection::invalid("this is always invalid").into()),
            name => {
                let collection = name.rsplit_once('.').map_or(name, |(collection, _)| collection).to_owned();
                crud(context, &collection)
            }
        }
    }
}

impl Mutator for App {
    fn apply(&self, context: &mut MutationContext<'_>) -> Result<(), Failure> {
        let mutation = context.mutation();
        let poison = mutation.name == Poison::Fails.name();
        if poison || self.desk().outage {
            self.desk().failed.push((mutation.id.to_string(), poison));
            return Err(Failure::Temporary("the warehouse does not answer".to_owned()));
        }
        if mutation.name.starts_with("refuse.") {
            self.desk().refused += 1;
        }
        let effects = Self::dispatch(context)?;
        let id = mutation.id.to_string();
        let mut journal = context.in_scope(JOURNAL)?;
        let count = journal.get_as::<Entry>(APPLIED, &id)?.map_or(0, |entry| entry.count);
        journal.put_as(APPLIED, &id, &Entry { count: count + 1 })?;
        self.desk().applied.push(Applied { id, effects });
        Ok(())
    }
}

fn crud(
    context: &mut MutationContext<'_>,
    collection: &str,
) -> Result<Vec<(EntityKey, Option<u64>)>, Failure> {
    let Target { id } = context.args()?;
    let before = context.get(collection, &id)?.is_some();
    Crud.apply(context)?;
    let after = context.get_as::<Marked>(collection, &id)?.map(|entity| entity.rev);
    let key = EntityKey::new(collection, &id);
    Ok(if before || after.is_some() { vec![(key, after)] } else { Vec::new() })
}

fn transfer(context: &mut MutationContext<'_>) -> Result<Vec<(EntityKey, Option<u64>)>, Failure> {
    let Transfer { from, to, amount, rev } = context.args()?;
    let missing = || Rejection::not_found("no such account");
    let payer: Account = context.get_as("account", &from)?.ok_or_else(missing)?;
    let payee: Account = context.get_as("account", &to)?.ok_or_else(missing)?;
    if payer.balance < amount {
        return Err(Rejection::conflict("there is not as much in the account").into());
    }
    context.put_as("account", &from, &Account { rev, balance: payer.balance - amount })?;
    context.put_as("account", &to, &Account { rev, balance: payee.balance + amount })?;
    let key = |id: &str| (EntityKey::new("account", id), Some(rev));
    Ok(vec![key(&from), key(&to)])
}

fn touch(context: &mut MutationContext<'_>) -> Result<Vec<(EntityKey, Option<u64>)>, Failure> {
    let Touch { id, rev } = context.args()?;
    let touched = Touched { rev, title: format!("touched by {rev}") };
    context.put_as("item", &id, &touched)?;
    Ok(vec![(EntityKey::new("item", &id), Some(rev))])
}
