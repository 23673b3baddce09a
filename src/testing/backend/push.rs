//! `POST /push`.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use mizu_sync_protocol::limits::{MAX_ACCEPTED_MUTATIONS, check_mutation_args};
use mizu_sync_protocol::push::{Mutation, PushRequest, PushResponse, PushResult};
use mizu_sync_protocol::{Code, Cursor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::database::Outcome;
use super::rules::Custom;
use super::transaction::check_name;
use super::{
    Backend, Call, Denied, Refusal, Reply, Rule, Transaction, check_log, known_log, mutate, parse, plain,
    reply,
};
use crate::testing::lock;

/// A mutation that the server has applied.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppliedMutation {
    /// The scope that it belongs to.
    pub scope: String,
    /// Its id, which its client made.
    pub id: String,
    /// `todo.create`, for instance.
    pub name: String,
    /// Its arguments, JSON.
    pub args: String,
    /// The client that made it, if it told.
    pub client: Option<String>,
    /// Its number among the mutations of its client, if it told.
    pub seq: Option<u64>,
}

impl AppliedMutation {
    /// Its arguments as JSON.
    ///
    /// # Panics
    /// When they hold half a surrogate pair: the field `args` has them as they were sent.
    #[must_use]
    #[track_caller]
    pub fn args(&self) -> Value {
        match serde_json::from_str(&self.args) {
            Ok(args) => args,
            Err(error) => panic!("the arguments of {} are no JSON that Rust can hold: {error}", self.name),
        }
    }
}

// Arguments are the user's data.
impl fmt::Debug for AppliedMutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppliedMutation")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

pub fn push(backend: &Mutex<Backend>, call: &Call<'_>, now: SystemTime) -> Result<Reply, Denied> {
    let PushRequest { mutations } = lock(backend).checked(call)?;
    let mut results = Vec::with_capacity(mutations.len());
    let mut changed: Vec<(String, Cursor)> = Vec::new();
    for mutation in &mutations {
        let before = lock(backend).database.head(&mutation.scope);
        let outcome = apply(backend, mutation, now);
        // A server that goes on after a temporary failure would apply what builds on it.
        let stop = call.extended && matches!(&outcome, Outcome::Refused(Refusal { code: None, .. }));
        match &outcome {
            Outcome::Applied(head) if head.cursor > before.cursor => {
                changed.retain(|(scope, _)| *scope != mutation.scope);
                changed.push((mutation.scope.clone().into_owned(), head.cursor));
            }
            _ => {}
        }
        results.push(if call.extended { extended(outcome) } else { plain(outcome) });
        if stop {
            break;
        }
    }
    Ok(Reply { changed, ..reply(&PushResponse { results }) })
}

impl Backend {
    /// All that can be said of a batch before anything of it is applied.
    fn checked<'a>(&self, call: &Call<'a>) -> Result<PushRequest<'a>, Denied> {
        self.authenticate(call)?;
        let push: PushRequest<'_> = parse(call)?;
        let known = known_log(call)?;
        let Some(first) = push.mutations.first() else {
            return Err(Denied::invalid("no mutations provided"));
        };
        if push.mutations.len() > MAX_ACCEPTED_MUTATIONS {
            return Err(Denied::too_large("too many mutations: split the batch"));
        }
        let mut scopes = HashSet::new();
        for mutation in &push.mutations {
            if scopes.insert(mutation.scope.as_ref()) {
                self.scope_allowed(&mutation.scope)?;
            }
        }
        if let Some(known) = known {
            if scopes.len() > 1 {
                return Err(Denied::invalid("a push with the header Mizu-Log must be about one scope"));
            }
            check_log(&self.database, &self.database.scope(&first.scope), &known)?;
        }
        Ok(push)
    }

    /// Applies a mutation, unless the test's own code has to.
    fn begin(&mut self, mutation: &Mutation<'_>, now: SystemTime) -> Step {
        if let Err(refusal) = check_name("mutation's id", &mutation.id) {
            // It cannot be remembered, and need not be: the answer is always the same.
            return Step::Done(Outcome::Refused(refusal));
        }
        if let Some(outcome) = self.database.outcome(&mutation.scope, &mutation.id) {
            return Step::Done(outcome);
        }
        let args = mutation.args.unwrap_or(RawValue::NULL).to_owned();
        let mut transaction =
            Transaction::new(&mutation.scope, args, self.database.entities(&mutation.scope));
        let result = match (check(mutation), self.rules.find(&mutation.name)) {
            (Err(refusal), _) | (Ok(()), Some(Rule::Refuse(refusal))) => Err(refusal),
            (Ok(()), Some(Rule::Run(custom))) => {
                return Step::Run(Attempt { custom, transaction, version: self.database.version() });
            }
            (Ok(()), None) => mutate::generic(&mutation.name, &mut transaction),
        };
        Step::Done(self.end(mutation, transaction, result, now))
    }

    fn end(
        &mut self,
        mutation: &Mutation<'_>,
        transaction: Transaction,
        result: Result<(), Refusal>,
        now: SystemTime,
    ) -> Outcome {
        let outcome = match result {
            Ok(()) => {
                self.applied.push(applied(mutation));
                Outcome::Applied(self.database.commit(transaction, now))
            }
            Err(refusal) => Outcome::Refused(refusal),
        };
        if !matches!(&outcome, Outcome::Refused(Refusal { code: None, .. })) {
            self.database.remember(&mutation.scope, &mutation.id, outcome.clone());
        }
        outcome
    }
}

/// What follows for a mutation.
enum Step {
    Done(Outcome),
    Run(Attempt),
}

/// A custom mutation that is to be run.
struct Attempt {
    custom: Arc<Custom>,
    transaction: Transaction,
    /// What the transaction was made from.
    version: u64,
}

/// Changes in a row that may come between. More are of the rule itself.
const MOST_RUNS: usize = 100;

fn apply(backend: &Mutex<Backend>, mutation: &Mutation<'_>, now: SystemTime) -> Outcome {
    for _ in 0..MOST_RUNS {
        let step = lock(backend).begin(mutation, now);
        let Attempt { custom, mut transaction, version } = match step {
            Step::Done(outcome) => return outcome,
            Step::Run(attempt) => attempt,
        };
        // The test's own code: it may ask the server, so nothing is locked.
        let result = custom(&mut transaction);
        let mut backend = lock(backend);
        if backend.database.version() == version {
            return backend.end(mutation, transaction, result, now);
        }
        // Something has changed meanwhile: it looks again.
    }
    panic!(
        "the server's data changes whenever the rule for {:?} runs: let it change them by its transaction alone",
        mutation.name
    )
}

fn check(mutation: &Mutation<'_>) -> Result<(), Refusal> {
    check_name("mutation's name", &mutation.name)?;
    check_mutation_args(mutation.args.map_or("", RawValue::get))
        .map_err(|problem| Refusal::invalid(format!("the arguments cannot be taken: {problem}")))
}

fn applied(mutation: &Mutation<'_>) -> AppliedMutation {
    AppliedMutation {
        scope: mutation.scope.clone().into_owned(),
        id: mutation.id.clone().into_owned(),
        name: mutation.name.clone().into_owned(),
        args: mutation.args.map_or("null", RawValue::get).to_owned(),
        client: mutation.client.clone().map(std::borrow::Cow::into_owned),
        seq: mutation.seq,
    }
}

fn extended(outcome: Outcome) -> PushResult {
    match outcome {
        Outcome::Applied(position) => PushResult {
            ok: true,
            cursor: Some(position.cursor),
            tag: Some(position.tag()),
            ..PushResult::default()
        },
        Outcome::Refused(Refusal { code, message }) => PushResult {
            code: Some(code.unwrap_or(Code::InternalError).as_str().to_owned()),
            error: Some(message),
            ..PushResult::default()
        },
    }
}

/// No cursor, over which go-mizu's client would jump; no code, at which it would clear its queue.
fn plain(outcome: Outcome) -> PushResult {
    match outcome {
        Outcome::Applied(_) => PushResult { ok: true, ..PushResult::default() },
        Outcome::Refused(refusal) => {
            PushResult { error: Some(plain::error(refusal)), ..PushResult::default() }
        }
    }
}
