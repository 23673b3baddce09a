//! `POST /push`: a batch of mutations is one transaction with a savepoint a mutation.

use std::collections::HashSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mizu_sync_protocol::limits::{MAX_ACCEPTED_MUTATIONS, check_mutation_args};
use mizu_sync_protocol::push::{Mutation, PushResponse, PushResult};
use mizu_sync_protocol::{Code, LogPositions};
use rusqlite::Connection;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};

use crate::auth::{Principal, Session};
use crate::database::{Batch, Outcome, Position, Scope, ScopeIndex};
use crate::message::{Reply, Request};
use crate::metrics::Mutations;
use crate::mutation_context::{MutationContext, check_name};
use crate::mutator::{Failure, Rejection};
use crate::plain;
#[cfg(feature = "planted-bugs")]
use crate::planted::{self, Bug};
use crate::refusal::Refusal;
use crate::service::Service;
use crate::standing;

/// What the client is told about one mutation.
pub(crate) enum Answer {
    Applied(Position),
    Rejected(Rejection),
    /// A temporary failure, in words.
    Failed(String),
}

impl Answer {
    fn count(&self, counts: &mut Mutations) {
        match self {
            Self::Applied(_) => counts.applied += 1,
            Self::Rejected(rejection) => *counts.rejected.entry(rejection.code().as_str()).or_default() += 1,
            Self::Failed(_) => counts.failed += 1,
        }
    }
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Applied(position) => Self::Applied(position),
            Outcome::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

/// The body of a push. In memory a mutation is larger than in JSON: of too many, one too many is kept.
#[derive(Deserialize)]
struct BoundedPush<'a> {
    #[serde(borrow, deserialize_with = "bounded")]
    mutations: Vec<Mutation<'a>>,
}

fn bounded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Mutation<'de>>, D::Error> {
    struct MutationsVisitor;

    impl<'de> Visitor<'de> for MutationsVisitor {
        type Value = Vec<Mutation<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array of mutations")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
            let mut mutations = Vec::new();
            while mutations.len() <= MAX_ACCEPTED_MUTATIONS {
                let Some(mutation) = sequence.next_element()? else { return Ok(mutations) };
                mutations.push(mutation);
            }
            while sequence.next_element::<IgnoredAny>()?.is_some() {}
            Ok(mutations)
        }
    }

    deserializer.deserialize_seq(MutationsVisitor)
}

pub(crate) fn push(
    service: &Service,
    session: &dyn Session,
    request: &Request<'_>,
) -> Result<Reply, Refusal> {
    let principal = session.principal();
    let BoundedPush { mutations } = request.parse()?;
    let known = standing::known_log(request)?;
    #[cfg(feature = "planted-bugs")]
    let known = known.filter(|_| !service.has_bug(Bug::DroppedTagCheck));
    check_batch(service, session, &mutations, known.as_ref())?;

    let mut writer = service.database.writer();
    #[cfg(feature = "planted-bugs")]
    service.late_outcomes.store(&mut writer)?;
    let transaction = writer.begin()?;
    let mut push = Push { service, connection: &transaction, principal, counts: Mutations::default() };
    if let Some(known) = known {
        push.check_log(&mutations, &known)?;
    }
    let mut batch = Batch::begin(&transaction, &service.options.environment)?;
    let answers = push.apply(&mut batch, &mutations, request.extended)?;
    #[cfg(feature = "planted-bugs")]
    if service.has_bug(Bug::ForgetfulDedupe)
        && let Some(last) = mutations.last()
    {
        planted::forget(&transaction, &last.scope, &last.id)?;
    }
    let grown = batch.finish(&transaction)?;
    let counts = push.counts;
    transaction.commit().map_err(Refusal::not_committed)?;
    drop(writer);
    service.metrics.mutations(counts);
    service.hub.publish(&grown);
    #[cfg(feature = "planted-bugs")]
    if service.has_bug(Bug::OutcomeInSecondTransaction) {
        planted::dawdle();
    }

    let word = if request.extended { extended_result } else { plain::push_result };
    let response = PushResponse { results: answers.into_iter().map(word).collect() };
    Ok(Reply { grown, ..Reply::ok(request, crate::json::to_vec(&response)) })
}

/// All that can be said before the database is asked.
fn check_batch(
    service: &Service,
    session: &dyn Session,
    mutations: &[Mutation<'_>],
    known: Option<&LogPositions>,
) -> Result<(), Refusal> {
    if mutations.is_empty() {
        return Err(Refusal::invalid("no mutations provided"));
    }
    if mutations.len() > MAX_ACCEPTED_MUTATIONS {
        let message = format!("more than {MAX_ACCEPTED_MUTATIONS} mutations: split the batch");
        return Err(Refusal::too_large(message));
    }
    let mut scopes = HashSet::new();
    for mutation in mutations {
        if scopes.insert(mutation.scope.as_ref()) {
            service.check_scope(session, &mutation.scope)?;
        }
    }
    if known.is_some() && scopes.len() > 1 {
        return Err(Refusal::invalid("a push with the header Mizu-Log must be about one scope"));
    }
    Ok(())
}

/// One batch in its transaction.
struct Push<'a> {
    service: &'a Service,
    connection: &'a Connection,
    principal: &'a Principal,
    counts: Mutations,
}

impl Push<'_> {
    fn check_log(&self, mutations: &[Mutation<'_>], known: &LogPositions) -> Result<(), Refusal> {
        let Some(first) = mutations.first() else { return Ok(()) };
        standing::check(self.connection, &Scope::load(self.connection, &first.scope)?, known)
    }

    fn apply(
        &mut self,
        batch: &mut Batch,
        mutations: &[Mutation<'_>],
        extended: bool,
    ) -> Result<Vec<Answer>, Refusal> {
        let mut answers = Vec::with_capacity(mutations.len());
        for mutation in mutations {
            let answer = self.answer(batch, mutation)?;
            let stop = extended && matches!(answer, Answer::Failed(_));
            #[cfg(feature = "planted-bugs")]
            let stop = stop && !self.service.has_bug(Bug::ApplyPastTemporary);
            answers.push(answer);
            if stop {
                break;
            }
        }
        Ok(answers)
    }

    fn answer(&mut self, batch: &mut Batch, mutation: &Mutation<'_>) -> Result<Answer, Refusal> {
        // Without a fit id it cannot be remembered, and need not be: the answer is always the same.
        if let Err(rejection) = check_name("mutation's id", &mutation.id) {
            let answer = Answer::Rejected(rejection);
            answer.count(&mut self.counts);
            return Ok(answer);
        }
        let connection = self.connection;
        let scope = batch.scope(connection, &mutation.scope)?;
        let scope_id = batch.scope_id(scope);
        if let Some(outcome) = Outcome::find(connection, scope_id, &mutation.id)? {
            self.counts.repeated += 1;
            return Ok(match outcome {
                Outcome::Applied(position) => Answer::Applied(batch.provable(scope, position)),
                Outcome::Rejected(rejection) => Answer::Rejected(rejection),
            });
        }
        let answer = self.apply_one(batch, scope, mutation)?;
        answer.count(&mut self.counts);
        Ok(answer)
    }

    fn apply_one(
        &self,
        batch: &mut Batch,
        scope: ScopeIndex,
        mutation: &Mutation<'_>,
    ) -> Result<Answer, Refusal> {
        let (connection, scope_id) = (self.connection, batch.scope_id(scope));
        batch.savepoint(connection)?;
        let outcome = match self.mutate(batch, scope, mutation)? {
            Ok(()) => {
                batch.release(connection)?;
                Outcome::Applied(batch.head(scope))
            }
            Err(failure) => {
                batch.roll_back(connection)?;
                match failure {
                    Failure::Rejected(rejection) => Outcome::Rejected(rejection),
                    Failure::Temporary(reason) => return Ok(Answer::Failed(reason)),
                }
            }
        };
        #[cfg(feature = "planted-bugs")]
        if self.service.has_bug(Bug::OutcomeInSecondTransaction) {
            let mutation = mutation.id.to_string();
            let (scope, time) = (scope_id, batch.outcome_time());
            let late = planted::LateOutcome { scope, mutation, outcome: outcome.clone(), time };
            self.service.late_outcomes.add(late);
            return Ok(outcome.into());
        }
        outcome.store(connection, scope_id, &mutation.id, batch.outcome_time())?;
        Ok(outcome.into())
    }

    /// What the business logic says; the outer error is the database's, and ends the batch.
    fn mutate(
        &self,
        batch: &mut Batch,
        scope: ScopeIndex,
        mutation: &Mutation<'_>,
    ) -> Result<Result<(), Failure>, Refusal> {
        if let Err(rejection) = check_mutation(mutation) {
            return Ok(Err(rejection.into()));
        }
        let mut context = MutationContext::new(self.connection, batch, mutation, self.principal, scope);
        let mutator = &self.service.options.mutator;
        let result = catch_unwind(AssertUnwindSafe(|| mutator.apply(&mut context)));
        if let Some(error) = context.into_database_error() {
            return Err(error.into());
        }
        Ok(result.unwrap_or_else(|_| {
            tracing::error!("the mutator panicked");
            Err(Failure::Temporary("the server's code for this mutation failed".to_owned()))
        }))
    }
}

fn check_mutation(mutation: &Mutation<'_>) -> Result<(), Rejection> {
    check_name("mutation's name", &mutation.name)?;
    let args = mutation.args.map_or("", serde_json::value::RawValue::get);
    check_mutation_args(args)
        .map_err(|problem| Rejection::invalid(format!("the arguments cannot be taken: {problem}")))
}

fn extended_result(answer: Answer) -> PushResult {
    match answer {
        Answer::Applied(position) => PushResult {
            ok: true,
            cursor: Some(position.cursor),
            tag: Some(position.tag()),
            ..PushResult::default()
        },
        Answer::Rejected(rejection) => PushResult {
            code: Some(rejection.code().as_str().to_owned()),
            error: Some(rejection.into_message()),
            ..PushResult::default()
        },
        Answer::Failed(reason) => PushResult {
            code: Some(Code::InternalError.as_str().to_owned()),
            error: Some(reason),
            ..PushResult::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_too_many_mutations_one_too_many_is_kept() {
        let kept = |count: usize| {
            let body = format!(r#"{{"mutations":[{}]}}"#, vec![r#"{"id":"","name":""}"#; count].join(","));
            serde_json::from_str::<BoundedPush<'_>>(&body).unwrap().mutations.len()
        };
        assert_eq!(kept(MAX_ACCEPTED_MUTATIONS), MAX_ACCEPTED_MUTATIONS);
        assert_eq!(kept(MAX_ACCEPTED_MUTATIONS * 5), MAX_ACCEPTED_MUTATIONS + 1);
    }
}
