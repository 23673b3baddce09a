//! What a computed would be if the open batch ended now.
//!
//! A guess is made like a value in the graph, and looked at in the same way, but belongs to the batch's thread
//! alone. Writes of a batch get the versions that they will have in the graph, so at the end a guess that was
//! made of exactly what enters is the value, and need not be computed again. It holds as long as neither this
//! batch nor anybody else has written since; after that what it has read is compared anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::buffer::Buffer;
use crate::reactive::graph::Graph;
use crate::reactive::graph::node::{Kind, NOBODY, NodeId, Token, Value};
use crate::reactive::graph::publish::{Age, Seen};
use crate::reactive::graph::pull::{Step, Visit};
use crate::reactive::run::{Ended, Known, MOST_OVERTAKEN, Outcome, accept, throw_away};
use crate::reactive::thread::Thread;

/// The batch's last write and the graph's last commit.
type Moment = (u64, u64);

pub struct Guess {
    /// None when the run panicked.
    value: Option<Value>,
    version: u64,
    reads: Vec<Seen>,
    /// When it was known to hold.
    known: Moment,
    /// The order in which they were found to hold: those that are read first.
    order: u64,
}

impl Buffer {
    /// The value of a computed in the batch. None when it has to be looked at first.
    pub fn guessed(&self, graph: &Graph, id: NodeId) -> Option<Known> {
        let guess = self.guesses.get(&id).filter(|guess| guess.known == (self.state, graph.commits))?;
        Some((Value::clone(guess.value.as_ref()?), guess.version))
    }

    /// The last guess, whether it holds or not.
    pub fn guess_of(&self, id: NodeId) -> Option<Known> {
        let guess = self.guesses.get(&id)?;
        Some((Value::clone(guess.value.as_ref()?), guess.version))
    }

    /// The version of anything in the batch. None when it has to be looked at first.
    fn version(&self, graph: &Graph, id: NodeId) -> Option<u64> {
        let node = graph.get(id);
        if let Some(Kind::Computed(_)) = node.map(|node| &node.kind) {
            let guess = self.guesses.get(&id)?;
            return (guess.known == (self.state, graph.commits)).then_some(guess.version);
        }
        let written = self.written(id).map(|write| write.version(graph));
        // What is gone has no version that anybody saw.
        Some(written.or(node.map(|node| node.version)).unwrap_or(0))
    }
}

/// As [`Graph::look`], in the batch.
pub fn look(graph: &mut Graph, thread: &mut Thread, stack: &mut Vec<Visit>) -> Step {
    loop {
        let is_root = stack.len() == 1;
        let Some(visit) = stack.last_mut() else { return Step::Done };
        let Some(computed) = graph.get(visit.id).and_then(|node| node.computed()) else {
            stack.pop();
            continue;
        };
        let run = || Step::Run(visit.id, Arc::clone(&computed.compute));
        // That one failed is for those above to know, not to try again.
        if thread.accepted_value(visit.id).is_some() {
            stack.pop();
            continue;
        }
        let is_known = thread.buffer.version(graph, visit.id).is_some();
        if thread.buffer.guessed(graph, visit.id).is_some() || (is_known && !is_root) {
            stack.pop();
            continue;
        }
        if visit.began != Some(graph.commits) {
            let Some(reads) = candidate(graph, &thread.buffer, visit.id) else { return run() };
            (visit.began, visit.next, visit.reads) = (Some(graph.commits), 0, reads);
        }
        let mut needed = None;
        while let Some(seen) = visit.reads.get(visit.next as usize) {
            if thread.has_accepted(seen.id) {
                return run();
            }
            match thread.buffer.version(graph, seen.id) {
                Some(version) if version == seen.version => visit.next += 1,
                Some(_) => return run(),
                None => {
                    needed = Some(seen.id);
                    break;
                }
            }
        }
        match needed {
            Some(id) if graph.is_running_here(thread, id) => {
                return Step::Cycle(graph.describe_cycle(thread, id, stack));
            }
            Some(id) => stack.push(Visit::new(id)),
            None => {
                let reads = std::mem::take(&mut visit.reads);
                holds(graph, &mut thread.buffer, visit.id, reads);
                stack.pop();
            }
        }
    }
}

/// What the last guess, or else the graph's value, was made of.
fn candidate(graph: &Graph, buffer: &Buffer, id: NodeId) -> Option<Vec<Seen>> {
    if let Some(guess) = buffer.guesses.get(&id) {
        return guess.value.as_ref().map(|_| guess.reads.clone());
    }
    graph.get(id)?.computed()?.valid()?;
    Some(graph.reads_of(id.index))
}

/// All that the candidate has read is so still.
fn holds(graph: &mut Graph, buffer: &mut Buffer, id: NodeId, reads: Vec<Seen>) {
    let known = (buffer.state, graph.commits);
    let order = graph.new_number();
    if let Some(guess) = buffer.guesses.get_mut(&id) {
        (guess.known, guess.order) = (known, order);
    } else if let Some(node) = graph.get(id) {
        let value = node.computed().and_then(|computed| computed.value.clone());
        buffer.guesses.insert(id, Guess { value, version: node.version, reads, known, order });
    }
}

/// Keeps what a run in a batch gave.
pub fn end(graph: &mut Graph, thread: &mut Thread, id: NodeId, outcome: Outcome, known: &[Known]) -> Ended {
    let token = thread.token;
    let began = thread.innermost().map_or(0, |frame| frame.began);
    let Some(computed) = graph.get_mut(id).and_then(|node| node.computed_mut()) else {
        return throw_away(graph, outcome, Ended::Done);
    };
    if computed.running_on == token {
        computed.running_on = NOBODY;
    }
    let accepted_from = thread.innermost().map_or(NOBODY, |frame| frame.accepted_from);
    let from = overtaken_by(graph, thread.reads());
    if accepted_from != NOBODY || (from != NOBODY && thread.count_rerun(id) >= MOST_OVERTAKEN) {
        return accept(thread, id, outcome, if accepted_from == NOBODY { from } else { accepted_from });
    }
    let is_overtaken = began != graph.commits;
    let moment = (thread.buffer.state, began);
    let (reads, order) = (thread.reads().to_vec(), graph.new_number());
    let (guess, ended) = match outcome {
        // Whether it was overtaken shows when what it has read is looked at.
        Ok((value, same)) => {
            let (value, version) = match same.and_then(|same| known.get(same)) {
                Some((old, version)) => {
                    graph.trash.push(value.into());
                    (Value::clone(old), *version)
                }
                None => (value, graph.new_number()),
            };
            (Guess { value: Some(value), version, reads, known: moment, order }, Ended::Done)
        }
        Err(_) if is_overtaken => return throw_away(graph, outcome, Ended::Overtaken),
        Err(payload) => {
            let version = graph.new_number();
            let guess = Guess { value: None, version, reads, known: moment, order };
            (guess, Ended::Failed { payload, version, from: NOBODY })
        }
    };
    let old = thread.buffer.guesses.insert(id, guess);
    graph.trash.extend(old.and_then(|old| old.value).map(Into::into));
    ended
}

/// The origin that has changed a source since it was read, or nobody.
fn overtaken_by(graph: &Graph, reads: &[Seen]) -> Token {
    let changed_by = |seen: &Seen| {
        let node = graph.get(seen.id)?;
        let is_changed = matches!(node.kind, Kind::Source(_)) && node.version != seen.version;
        is_changed.then_some(node.changed_by)
    };
    reads.iter().find_map(changed_by).unwrap_or(NOBODY)
}

/// The batch has entered the graph: those guesses that held at that moment are the values.
pub fn publish(graph: &mut Graph, guesses: &BTreeMap<NodeId, Guess>, known: Moment) {
    let mut guesses: Vec<_> = guesses.iter().filter(|(_, guess)| guess.known == known).collect();
    guesses.sort_unstable_by_key(|(_, guess)| guess.order);
    for (id, guess) in guesses {
        let (Some(value), Some(node)) = (&guess.value, graph.get(*id)) else { continue };
        let Some(computed) = node.computed() else { continue };
        let (is_valid, version) = (computed.valid().is_some(), node.version);
        let is_needed = node.is_marked() || !is_valid;
        if is_needed && graph.age(&guess.reads, NOBODY) == Age::Current {
            let is_same = is_valid && version == guess.version;
            let version = (!is_same).then_some(guess.version);
            graph.publish_value(id.index, &guess.reads, Value::clone(value), version);
        }
    }
}
