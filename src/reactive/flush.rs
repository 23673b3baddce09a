//! Running the effects that are due.
//!
//! # Idea
//! A thread has a list of the effects that its own writes have made due, the one made first on top. It works
//! the list off when nothing of it is in the midst of something. An effect stands on the lists of all who made
//! it due; the first to come runs it, the others find it up to date. Whoever finds it running leaves word: the
//! thread that runs it runs it again, or, where that was an origin, hands it to those who run the origin's effects.
//! For a thread that reads data must come to an end however fast the data changes.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::bin::{self, Trash};
use super::effect::{self, Body, BoxError, Scope};
use super::error;
use super::graph::Graph;
use super::graph::links::NO_LINK;
use super::graph::node::{Kind, NOBODY, NodeId, is_of_origin};
use super::graph::publish::Age;
use super::run::{Failure, Payload, Pulled, age_of_run, pull};
use super::source::{DueEffect, Origin};
use super::thread::{Thread, enter, with_thread};

/// So often may an effect run in one flush. More is an endless circle.
const MOST_RUNS: u32 = 100;

/// What a flush did.
#[derive(Default)]
pub struct Flushed {
    pub runs: usize,
    pub panic: Option<Payload>,
}

impl Flushed {
    /// Keeps the first panic, logs the others.
    pub fn keep(&mut self, panic: Option<Payload>) {
        let Some(panic) = panic else { return };
        if self.panic.is_none() {
            self.panic = Some(panic);
        } else {
            log(panic);
        }
    }
}

fn log(panic: Payload) {
    tracing::error!("in an effect: {}", error::text_of(&*panic));
    bin::throw(Trash::Other(panic));
}

/// Passes a panic on, where that does not end the process.
pub fn resume(panic: Option<Payload>) {
    match panic {
        Some(panic) if std::thread::panicking() => log(panic),
        Some(panic) => resume_unwind(panic),
        None => {}
    }
}

/// Runs what is due on this thread, and passes the first panic on.
pub fn run_due() {
    resume(flush().panic);
}

/// Runs what is due on this thread. Another panic is on its way already.
pub fn run_due_and_log() {
    if let Some(panic) = flush().panic {
        log(panic);
    }
}

/// Runs what is due on this thread, unless it is in the midst of something after which that happens.
pub fn flush() -> Flushed {
    let mut flushed = Flushed::default();
    if !with_thread(|thread| thread.may_flush()) {
        return flushed;
    }
    let number = enter(|graph, thread| {
        thread.flush = graph.new_number();
        thread.flush
    });
    while let Some(Reverse(due)) = with_thread(|thread| thread.due.pop()) {
        run_if_due(due, number, &mut flushed);
    }
    with_thread(|thread| thread.flush = 0);
    flushed
}

/// Whether an effect is this thread's to run.
enum Claim {
    No,
    /// If something that it has read is another.
    IfChanged,
    Yes,
}

fn run_if_due(due: DueEffect, flush: u64, flushed: &mut Flushed) {
    let id = due.id;
    loop {
        match enter(|graph, _| claim(graph, due)) {
            Claim::No => return,
            Claim::Yes => {}
            Claim::IfChanged => {
                if pull(id).is_ok_and(|pulled| pulled == Pulled::Same) {
                    // Marked anew meanwhile? Whoever did it may have been here in vain.
                    match enter(|graph, _| leave(graph, id)) {
                        Left::Again => continue,
                        left => return flushed.keep(left.finish()),
                    }
                }
            }
        }
        if let Some(text) = enter(|graph, _| count_run(graph, id, flush)) {
            // A panic like the app's own: the hook of panics prints it, too.
            flushed.keep(catch_unwind(|| panic!("{text}")).err());
            return flushed.keep(give_up(id));
        }
        flushed.runs += 1;
        return flushed.keep(run(id));
    }
}

fn claim(graph: &mut Graph, due: DueEffect) -> Claim {
    let has_runner = graph.has_runner(due.by);
    let Some(node) = graph.get_mut(due.id) else { return Claim::No };
    let is_marked = node.is_marked();
    let Some(effect) = node.effect_mut() else { return Claim::No };
    if effect.is_running {
        if has_runner {
            effect.hand_over = due.by;
        } else {
            effect.run_again = true;
        }
        return Claim::No;
    }
    if !is_marked {
        return Claim::No;
    }
    effect.is_running = true;
    (effect.run_again, effect.hand_over) = (false, NOBODY);
    let claim = if effect.has_failed { Claim::Yes } else { Claim::IfChanged };
    node.marked_by = NOBODY;
    claim
}

/// What is left to do for an effect of which a thread has let go.
enum Left {
    Nothing,
    /// To look again.
    Again,
    /// To hand it over to an origin.
    HandOver(Origin, DueEffect),
    /// It was stopped: to end this.
    End(Scope),
}

impl Left {
    /// Does it, where others are concerned. Gives the first panic.
    fn finish(self) -> Option<Payload> {
        match self {
            Self::Nothing | Self::Again => None,
            Self::HandOver(origin, due) => {
                origin.run_later(due);
                None
            }
            Self::End(scope) => effect::end_scope(scope),
        }
    }
}

/// Lets go of an effect without running it.
fn leave(graph: &mut Graph, id: NodeId) -> Left {
    let Some(node) = graph.get_mut(id) else { return Left::Nothing };
    let is_marked = node.is_marked();
    let Some(effect) = node.effect_mut() else { return Left::Nothing };
    effect.is_running = false;
    let by = std::mem::replace(&mut effect.hand_over, NOBODY);
    let again = std::mem::take(&mut effect.run_again);
    if effect.is_stopped {
        let scope = std::mem::take(&mut effect.scope);
        graph.remove_effect(id.index);
        return Left::End(scope);
    }
    let due = DueEffect { order: effect.order, id, by };
    if again {
        return Left::Again;
    }
    if by == NOBODY || !is_marked {
        return Left::Nothing;
    }
    graph.runner(by).map_or(Left::Again, |origin| Left::HandOver(origin, due))
}

/// Counts a run. Gives an error when it is one too many.
fn count_run(graph: &mut Graph, id: NodeId, flush: u64) -> Option<String> {
    let effect = graph.get_mut(id)?.effect_mut()?;
    if effect.flush != flush {
        (effect.flush, effect.runs) = (flush, 0);
    }
    effect.runs += 1;
    (effect.runs > MOST_RUNS).then(|| describe_circle(graph, flush))
}

/// The effects that ran again and again in this flush, and the signals that they wrote.
fn describe_circle(graph: &Graph, flush: u64) -> String {
    let in_circle = |node: &&super::graph::node::Node| match &node.kind {
        Kind::Effect(effect) => effect.flush == flush && effect.runs > MOST_RUNS / 2,
        _ => false,
    };
    let mut effects = vec![];
    let mut signals = vec![];
    for node in graph.nodes().filter(in_circle) {
        effects.push(node.place.to_string());
        let mut link = node.first_dependency;
        while link != NO_LINK {
            let dependency = graph.at(graph.links.at(link).dependency);
            // Numbers grow, so this was written since the flush began.
            if matches!(dependency.kind, Kind::Signal(_)) && dependency.version > flush {
                signals.push(dependency.place.to_string());
            }
            link = graph.links.at(link).next_dependency;
        }
    }
    signals.sort_unstable();
    signals.dedup();
    let by = if signals.is_empty() {
        String::new()
    } else {
        format!(" by writing the signals made at {}", signals.join(" and "))
    };
    format!(
        "effects make each other due without end: after {MOST_RUNS} runs in one update those made at {} are due \
         again{by}; read what they write by `untrack`, or write it only when it differs",
        effects.join(" and ")
    )
}

/// Leaves an effect that runs without end alone until something that it has read changes again.
fn give_up(id: NodeId) -> Option<Payload> {
    loop {
        // A mark stops at a node that has it. So that the next one comes as far as the effect, none may be below it.
        let marked = enter(|graph, _| {
            let marked = graph.first_marked(id).filter(|_| !graph.is_stopped(id));
            if let Some(marked) = marked {
                return Ok(marked);
            }
            if let Some(effect) = graph.get_mut(id).and_then(|node| node.effect_mut()) {
                effect.has_failed = true;
            }
            Err(leave(graph, id))
        });
        match marked {
            Ok(marked) => drop(pull(marked).err().map(Failure::throw)),
            Err(left) => return left.finish(),
        }
    }
}

/// What became of a run of an effect.
enum Ended {
    Done,
    /// It was stopped meanwhile; this is left to do.
    Stopped(Scope),
    /// What it has read was changed by others meanwhile: by other threads, or by an origin without a runner.
    Overtaken {
        by_origin: bool,
    },
    /// What it has read was changed by an origin meanwhile, which has it among those that are due, or gets it now.
    Due(Option<(Origin, DueEffect)>),
}

/// Runs an effect that this thread has claimed, until it has seen what is so now. Gives the first panic.
pub fn run(id: NodeId) -> Option<Payload> {
    let mut flushed = Flushed::default();
    let mut overtaken = 0;
    loop {
        let begun = enter(|graph, _| {
            let node = graph.get_mut(id)?;
            let place = node.place;
            let effect = node.effect_mut()?;
            Some((effect.body.take()?, std::mem::take(&mut effect.scope), place))
        });
        let Some((mut body, scope, place)) = begun else { return flushed.panic };
        flushed.keep(effect::end_scope(scope));
        // A cleanup may have stopped it.
        let is_stopped = enter(|graph, thread| {
            thread.begin_run(graph, id, place, true);
            graph.is_stopped(id)
        });
        let result = if is_stopped { Ok(Ok(())) } else { catch_unwind(AssertUnwindSafe(&mut body)) };
        let has_failed = result.is_err();
        match enter(|graph, thread| end(graph, thread, id, body, has_failed)) {
            // What it saw was no state of the graph. The next run counts.
            Ended::Due(hand_over) => {
                throw_away(result);
                if let Some((origin, due)) = hand_over {
                    origin.run_later(due);
                }
                return flushed.panic;
            }
            Ended::Overtaken { by_origin } => {
                throw_away(result);
                // A busy neighbour is no circle.
                overtaken += u32::from(by_origin);
                if overtaken < MOST_RUNS {
                    continue;
                }
                flushed.keep(Some(Box::new(format!(
                    "the effect made at {place} is overtaken without end: whenever it has run, what it has read is \
                     another; does it write that itself?"
                ))));
                flushed.keep(give_up(id));
                return flushed.panic;
            }
            Ended::Stopped(scope) => {
                flushed.keep(effect::end_scope(scope));
            }
            Ended::Done => {}
        }
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => flushed.keep(error::handle(error, place)),
            Err(panic) => flushed.keep(Some(panic)),
        }
        return flushed.panic;
    }
}

/// What a run gave that does not count.
fn throw_away(result: Result<Result<(), BoxError>, Payload>) {
    match result {
        Ok(Ok(())) => {}
        Ok(Err(error)) => bin::throw(Trash::Other(Box::new(error))),
        Err(panic) => bin::throw(Trash::Other(panic)),
    }
}

fn end(graph: &mut Graph, thread: &mut Thread, id: NodeId, body: Body, has_failed: bool) -> Ended {
    let age = age_of_run(graph, thread);
    if graph.is_stopped(id) {
        graph.trash.push(Trash::Body(body));
        graph.remove_effect(id.index);
        return Ended::Stopped(thread.end_run(graph));
    }
    graph.relink(id.index, thread.reads());
    let scope = thread.end_run(graph);
    let is_batch = thread.batches > 0;
    let node = graph.at_mut(id.index);
    let marked_by = std::mem::replace(&mut node.marked_by, NOBODY);
    // Changed by this thread itself, or read in a batch whose writes have not entered: once more, when its turn
    // comes.
    let is_due_later = age == Age::ChangedHere || (is_batch && age != Age::Current);
    if is_due_later {
        node.marked_by = thread.token;
    }
    let Some(effect) = node.effect_mut() else { return Ended::Done };
    effect.body = Some(body);
    effect.scope = scope;
    effect.has_failed = has_failed;
    let run_again = std::mem::take(&mut effect.run_again);
    let hand_over = std::mem::replace(&mut effect.hand_over, NOBODY);
    let order = effect.order;
    if is_due_later {
        effect.is_running = false;
        thread.due.push(Reverse(DueEffect { order, id, by: thread.token }));
        return Ended::Done;
    }
    let overtaken = Ended::Overtaken { by_origin: matches!(age, Age::ChangedByOrigin(_)) };
    // Whether its turn has come and was not taken, or nobody knew of it.
    let by = match age {
        Age::Current | Age::ChangedHere => {
            effect.is_running = false;
            return Ended::Done;
        }
        _ if run_again => return overtaken,
        _ if hand_over != NOBODY => hand_over,
        // It is among those that are due, and its turn comes.
        _ if is_of_origin(marked_by) => {
            effect.is_running = false;
            node.marked_by = marked_by;
            return Ended::Due(None);
        }
        Age::ChangedByOrigin(by) => by,
        Age::ChangedElsewhere => return overtaken,
    };
    let Some(origin) = graph.runner(by) else { return overtaken };
    let node = graph.at_mut(id.index);
    node.marked_by = by;
    if let Some(effect) = node.effect_mut() {
        effect.is_running = false;
    }
    Ended::Due(Some((origin, DueEffect { order, id, by })))
}
