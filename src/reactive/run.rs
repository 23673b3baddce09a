//! Reading a computed, which may mean running it and others first.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use super::batch;
use super::bin::{self, Trash};
use super::graph::Graph;
use super::graph::node::{Compute, NOBODY, NodeId, Token, Value, is_of_origin};
use super::graph::publish::Age;
use super::graph::pull::{Step, Visit};
use super::thread::{Accepted, Reading, Thread, Untracked, enter};

/// What a closure of the app panicked with.
pub type Payload = Box<dyn Any + Send>;

/// Why a computed has no value.
pub enum Failure {
    Panicked {
        payload: Payload,
        /// By which observers know the failure.
        version: u64,
        /// The origin that had overtaken it, if one had.
        from: Token,
    },
    Cycle(String),
}

impl Failure {
    /// Puts what it was into the bin.
    pub fn throw(self) {
        if let Self::Panicked { payload, .. } = self {
            bin::throw(Trash::Other(payload));
        }
    }
}

/// Whether an effect that may be due is.
#[derive(Debug, PartialEq, Eq)]
pub enum Pulled {
    Same,
    Changed,
}

/// The value of a computed as this thread sees it. The innermost observer has read it.
#[track_caller]
pub fn read_computed(id: NodeId) -> Value {
    if let Some(value) = enter(|graph, thread| read_current(graph, thread, id)) {
        return value;
    }
    let _reading = Reading::enter();
    loop {
        match pull(id) {
            Ok(_) => {
                if let Some(value) = enter(|graph, thread| read_current(graph, thread, id)) {
                    return value;
                }
            }
            Err(Failure::Panicked { payload, version, from }) => {
                // The observer may go on, and must hear when the computed has a value again.
                enter(|graph, thread| match from {
                    NOBODY => thread.note(graph, id, version),
                    from => thread.note_accepted(graph, id, from),
                });
                resume_unwind(payload);
            }
            Err(Failure::Cycle(text)) => panic!("{text}; what a computed reads must not need the computed"),
        }
    }
}

/// As [`read_computed`], for whoever keeps the value until it is recalled.
#[cfg(feature = "ffi")]
#[track_caller]
pub fn lease_computed(id: NodeId) -> Value {
    let value = read_computed(id);
    if let Some(refused) = enter(|graph, thread| lease(graph, thread, id, &value)) {
        refused.recall();
        bin::throw(Trash::Compute(refused));
    }
    value
}

/// Lets a value be kept that is the one of now. Gives who is to be told where it is not.
#[cfg(feature = "ffi")]
fn lease(graph: &mut Graph, thread: &Thread, id: NodeId, value: &Value) -> Option<Arc<dyn Compute>> {
    let in_batch = !thread.buffer.is_empty();
    let node = graph.get_mut(id)?;
    let is_marked = node.is_marked();
    let computed = node.computed_mut()?;
    let is_current = !is_marked && computed.valid().is_some_and(|valid| Arc::ptr_eq(valid, value));
    if is_current && !in_batch {
        computed.is_leased = true;
        return None;
    }
    Some(Arc::clone(&computed.compute))
}

/// The value that counts now, noted as read. None when it has to be looked at first.
fn read_current(graph: &mut Graph, thread: &mut Thread, id: NodeId) -> Option<Value> {
    if let Some((value, from)) = thread.accepted_value(id) {
        thread.note_accepted(graph, id, from);
        return Some(value);
    }
    let (value, version) = current_value(graph, thread, id)?;
    thread.note(graph, id, version);
    Some(value)
}

/// None when it has to be looked at first.
fn current_value(graph: &Graph, thread: &Thread, id: NodeId) -> Option<(Value, u64)> {
    if !thread.buffer.is_empty() {
        return thread.buffer.guessed(graph, id);
    }
    let node = graph.get(id).filter(|node| !node.is_marked())?;
    Some((Value::clone(node.computed()?.valid()?), node.version))
}

/// Brings all that a node reads up to date, and the node too if it is a computed.
pub fn pull(root: NodeId) -> Result<Pulled, Failure> {
    let _reading = Reading::enter();
    let mut stack = vec![Visit::new(root)];
    let mut is_first = true;
    loop {
        let step = enter(|graph, thread| {
            if std::mem::take(&mut is_first) && graph.is_running_here(thread, root) {
                Step::Cycle(graph.describe_cycle(thread, root, &[]))
            } else if thread.buffer.is_empty() {
                graph.look(thread, &mut stack)
            } else {
                batch::guess::look(graph, thread, &mut stack)
            }
        });
        match step {
            Step::Done => return Ok(Pulled::Same),
            Step::RunEffect => return Ok(Pulled::Changed),
            Step::Cycle(text) => return Err(Failure::Cycle(text)),
            Step::Run(id, compute) => {
                let ran = run(id, &compute);
                // It may be the last share, and the closure's drop code of the app.
                bin::throw(Trash::Compute(compute));
                match ran {
                    Ok(()) => {}
                    Err(failure) if id == root => return Err(failure),
                    // Whoever reads it will see.
                    Err(failure) => failure.throw(),
                }
            }
        }
    }
}

/// A value to compare with, and its version.
pub type Known = (Value, u64);

/// What a run gave: the value, and which of the known ones it is equal to.
pub type Outcome = Result<(Value, Option<usize>), Payload>;

/// So often is a computed run for one read while origins change what it reads.
pub const MOST_OVERTAKEN: u32 = 3;

/// What became of a run.
pub enum Ended {
    Done,
    Failed {
        payload: Payload,
        version: u64,
        /// The origin that had overtaken it, if one had.
        from: Token,
    },
    /// What it read has changed meanwhile: it may have seen a mixed state.
    Overtaken,
}

/// Runs a computed until it has seen one state, not a mixture.
fn run(id: NodeId, compute: &Arc<dyn Compute>) -> Result<(), Failure> {
    loop {
        let Some(known) = enter(|graph, thread| begin(graph, thread, id)) else { return Ok(()) };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let value = compute.compute();
            let _untracked = Untracked::enter();
            let same = known.iter().position(|(old, _)| compute.is_same(old, &value));
            (value, same)
        }));
        let ended = enter(|graph, thread| {
            let ended = if thread.buffer.is_empty() {
                end(graph, thread, id, outcome, &known)
            } else {
                batch::guess::end(graph, thread, id, outcome, &known)
            };
            thread.end_run(graph);
            graph.trash.extend(known.into_iter().map(|(value, _)| value.into()));
            ended
        });
        match ended {
            Ended::Done => return Ok(()),
            Ended::Failed { payload, version, from } => {
                return Err(Failure::Panicked { payload, version, from });
            }
            Ended::Overtaken => {}
        }
    }
}

/// None when there is nothing to do any more: another thread was faster.
fn begin(graph: &mut Graph, thread: &mut Thread, id: NodeId) -> Option<Vec<Known>> {
    let token = thread.token;
    let is_batch = !thread.buffer.is_empty();
    let node = graph.get_mut(id)?;
    let (place, version, is_marked) = (node.place, node.version, node.is_marked());
    let computed = node.computed_mut()?;
    let valid = computed.valid().map(|value| (Value::clone(value), version));
    if valid.is_some() && !is_marked && !is_batch {
        return None;
    }
    if computed.running_on == NOBODY {
        computed.running_on = token;
    }
    let mut known: Vec<Known> = valid.into_iter().collect();
    if is_batch {
        known.extend(thread.buffer.guess_of(id));
    }
    thread.begin_run(graph, id, place, false);
    Some(known)
}

/// Publishes what a run gave.
fn end(graph: &mut Graph, thread: &mut Thread, id: NodeId, outcome: Outcome, known: &[Known]) -> Ended {
    let age = age_of_run(graph, thread);
    let Some(node) = graph.get_mut(id) else { return throw_away(graph, outcome, Ended::Done) };
    let (is_marked, marked_by) = (node.is_marked(), node.marked_by);
    let Some(computed) = node.computed_mut() else { return Ended::Done };
    if computed.running_on == thread.token {
        computed.running_on = NOBODY;
    }
    if !is_marked && computed.valid().is_some() {
        return throw_away(graph, outcome, Ended::Done);
    }
    let from = match age {
        Age::ChangedByOrigin(from) => from,
        _ => marked_by,
    };
    let is_too_often = is_of_origin(from) && thread.count_rerun(id) >= MOST_OVERTAKEN;
    let has_accepted = thread.innermost().is_some_and(|frame| frame.accepted_from != NOBODY);
    if matches!(age, Age::ChangedByOrigin(_)) && (is_too_often || has_accepted) {
        return accept(thread, id, outcome, from);
    }
    // Somebody else's value came in between: the comparison was made with another one.
    let is_other = match (computed.valid(), known.first()) {
        (Some(now), Some((old, _))) => !Arc::ptr_eq(now, old),
        (None, None) => false,
        _ => true,
    };
    if age != Age::Current || is_other {
        return throw_away(graph, outcome, Ended::Overtaken);
    }
    match outcome {
        Ok((value, same)) => {
            let version = same.is_none().then(|| graph.new_number());
            // Changed again whenever another one that is needed has run: this must do.
            if is_too_often {
                thread.accept(Accepted { id, value: Some(Value::clone(&value)), from });
            }
            graph.publish_value(id.index, thread.reads(), value, version);
            Ended::Done
        }
        Err(payload) => {
            let version = graph.publish_failure(id.index, thread.reads());
            Ended::Failed { payload, version, from: NOBODY }
        }
    }
}

/// Whether what the innermost run has read is still so.
pub fn age_of_run(graph: &Graph, thread: &Thread) -> Age {
    let from = thread.innermost().map_or(NOBODY, |frame| frame.accepted_from);
    match graph.age(thread.reads(), thread.token) {
        // What was accepted has versions of its own, so that is not Current.
        Age::ChangedElsewhere | Age::ChangedHere if from != NOBODY && is_only_accepted(graph, thread) => {
            Age::ChangedByOrigin(from)
        }
        age => age,
    }
}

/// Whether nothing is another beside what was accepted, and what origins have changed.
fn is_only_accepted(graph: &Graph, thread: &Thread) -> bool {
    let others: Vec<_> = thread.reads().iter().copied().filter(|seen| seen.version != 0).collect();
    !matches!(graph.age(&others, thread.token), Age::ChangedElsewhere | Age::ChangedHere)
}

/// Lets what a run gave count for the outermost read of this thread.
pub fn accept(thread: &mut Thread, id: NodeId, outcome: Outcome, from: Token) -> Ended {
    match outcome {
        Ok((value, _)) => {
            thread.accept(Accepted { id, value: Some(value), from });
            Ended::Done
        }
        Err(payload) => {
            thread.accept(Accepted { id, value: None, from });
            Ended::Failed { payload, version: 0, from }
        }
    }
}

/// Puts what a run gave into the bin.
pub fn throw_away(graph: &mut Graph, outcome: Outcome, ended: Ended) -> Ended {
    graph.trash.push(match outcome {
        Ok((value, _)) => Trash::Value(value),
        Err(payload) => Trash::Other(payload),
    });
    ended
}
