//! What a thread is doing: what it runs, what that has read, what is due, and its batch.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::batch::Buffer;
use super::bin::{self, Trash};
use super::effect::{Scope, ScopeItem};
use super::graph::Graph;
use super::graph::lease::Ended;
use super::graph::node::{NOBODY, NodeId, Place, Token, Value};
use super::graph::publish::Seen;
use super::source::DueEffect;
use super::sync;

sync::thread_local! {
    static THREAD: RefCell<Thread> = const { RefCell::new(Thread::new()) };
}

/// The closure of a node that this thread runs.
pub struct Frame {
    pub id: NodeId,
    pub place: Place,
    pub is_effect: bool,
    /// A number of this run alone.
    pub run: u64,
    /// Where its reads begin in [`Thread::reads`].
    first_read: usize,
    /// The graph's commits when it began.
    pub began: u64,
    /// What an effect registered in this run.
    pub scope: Scope,
    /// The origin that had overtaken a value which it has read all the same.
    pub accepted_from: Token,
    outer: Mode,
}

/// A value that its sources had overtaken again and again. It counts for the outermost read that is going on, so that
/// it comes to an end, and for nobody else.
pub struct Accepted {
    pub id: NodeId,
    /// None when the run panicked: who reads it runs it again, and panics with it.
    pub value: Option<Value>,
    /// The origin that had overtaken it.
    pub from: Token,
}

/// How code of the app is run.
#[derive(Clone, Copy)]
struct Mode {
    /// What is read is noted.
    tracks: bool,
    /// An effect made now belongs to the innermost frame's.
    owns: bool,
}

pub struct Thread {
    /// The thread's name in the graph.
    pub token: Token,
    frames: Vec<Frame>,
    mode: Mode,
    /// What the running closures have read, the innermost one's last.
    reads: Vec<Seen>,
    /// How many computeds run here. While any does, nothing is written.
    computing: u32,
    /// How many batches are open.
    pub batches: u32,
    /// What they have written.
    pub buffer: Buffer,
    /// The effects that writes of this thread have made due, the one made first on top.
    pub due: BinaryHeap<Reverse<DueEffect>>,
    /// The number of the flush in progress, or 0.
    pub flush: u64,
    /// Reads of computeds that are going on, one inside of the other.
    reading: u32,
    /// What the outermost of them has accepted.
    accepted: Vec<Accepted>,
    /// How often it has run what origins had changed.
    reruns: Vec<(NodeId, u32)>,
    pub bin: Vec<Trash>,
    /// Reasons not to empty it now.
    pub keeps_bin: u32,
}

impl Thread {
    const fn new() -> Self {
        Self {
            token: NOBODY,
            frames: Vec::new(),
            mode: Mode { tracks: false, owns: false },
            reads: Vec::new(),
            computing: 0,
            batches: 0,
            buffer: Buffer::new(),
            due: BinaryHeap::new(),
            flush: 0,
            reading: 0,
            accepted: Vec::new(),
            reruns: Vec::new(),
            bin: Vec::new(),
            keeps_bin: 0,
        }
    }

    /// The run that notes what is read now.
    pub fn observer(&self) -> Option<&Frame> {
        self.frames.last().filter(|_| self.mode.tracks)
    }

    /// The run of an effect that is the innermost one.
    pub fn owner(&mut self) -> Option<&mut Frame> {
        let owns = self.mode.owns;
        self.frames.last_mut().filter(|frame| owns && frame.is_effect)
    }

    /// Where the innermost computed that runs here was made.
    pub fn computing(&self) -> Option<Place> {
        if self.computing == 0 {
            return None;
        }
        self.frames.iter().rev().find(|frame| !frame.is_effect).map(|frame| frame.place)
    }

    /// Whether effects that are due may run now: nothing is in the midst of something.
    pub fn may_flush(&self) -> bool {
        self.flush == 0 && self.batches == 0 && self.frames.is_empty() && !self.due.is_empty()
    }

    pub fn runs(&self, id: NodeId) -> bool {
        self.frames.iter().any(|frame| frame.id == id)
    }

    /// The nodes that run here, from this one inwards.
    pub fn running_since(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        self.frames.iter().map(|frame| frame.id).skip_while(move |running| *running != id)
    }

    /// Notes that the innermost run has read a version of a node. The node stays while the run lasts.
    ///
    /// It may be the change of another thread that still recalls what was made of it: whoever runs has seen that, and must
    /// not find what is older.
    pub fn note(&mut self, graph: &mut Graph, id: NodeId, version: u64) {
        let Some(run) = self.observer().map(|frame| frame.run) else { return };
        graph.recall_what_ended();
        let Some(node) = graph.get_mut(id) else { return };
        if node.noted_by != run {
            node.noted_by = run;
            node.pins += 1;
            self.reads.push(Seen { id, version });
        }
    }

    /// Whether the outermost read has accepted a computed that was overtaken.
    pub fn has_accepted(&self, id: NodeId) -> bool {
        self.accepted.iter().any(|accepted| accepted.id == id)
    }

    /// The value that the outermost read has accepted, and the origin that had overtaken it.
    pub fn accepted_value(&self, id: NodeId) -> Option<(Value, Token)> {
        let accepted = self.accepted.iter().find(|accepted| accepted.id == id)?;
        Some((Value::clone(accepted.value.as_ref()?), accepted.from))
    }

    /// From now on this counts for the outermost read.
    pub fn accept(&mut self, new: Accepted) {
        self.accepted.retain(|old| old.id != new.id || old.value.is_some());
        self.accepted.push(new);
    }

    /// Notes that the innermost run has read what an origin had overtaken. No version is 0, so it will look again.
    pub fn note_accepted(&mut self, graph: &mut Graph, id: NodeId, from: Token) {
        if self.observer().is_none() {
            return;
        }
        self.note(graph, id, 0);
        if let Some(frame) = self.frames.last_mut() {
            frame.accepted_from = from;
        }
    }

    /// The outermost read has run a computed that an origin had changed. Gives how often it did.
    pub fn count_rerun(&mut self, id: NodeId) -> u32 {
        if let Some((_, runs)) = self.reruns.iter_mut().find(|(of, _)| *of == id) {
            *runs += 1;
            return *runs;
        }
        self.reruns.push((id, 1));
        1
    }

    pub fn begin_run(&mut self, graph: &mut Graph, id: NodeId, place: Place, is_effect: bool) {
        self.computing += u32::from(!is_effect);
        self.keeps_bin += u32::from(!is_effect);
        let frame = Frame {
            id,
            place,
            is_effect,
            run: graph.new_number(),
            first_read: self.reads.len(),
            began: graph.commits,
            scope: Scope::new(),
            accepted_from: NOBODY,
            outer: self.mode,
        };
        self.frames.push(frame);
        self.mode = Mode { tracks: true, owns: true };
    }

    /// What the innermost run has read.
    pub fn reads(&self) -> &[Seen] {
        &self.reads[self.frames.last().map_or(0, |frame| frame.first_read)..]
    }

    /// The innermost run is over. What it has read is held by links by now, or by nobody.
    pub fn end_run(&mut self, graph: &mut Graph) -> Scope {
        let Some(frame) = self.frames.pop() else { return Scope::new() };
        self.mode = frame.outer;
        self.computing -= u32::from(!frame.is_effect);
        self.keeps_bin -= u32::from(!frame.is_effect);
        for seen in self.reads.drain(frame.first_read..) {
            graph.unpin(seen.id);
        }
        frame.scope
    }

    pub fn innermost(&self) -> Option<&Frame> {
        self.frames.last()
    }

    /// Registers something that ends with the innermost effect's run. False when there is none.
    pub fn own(&mut self, item: ScopeItem) -> Result<(), ScopeItem> {
        match self.owner() {
            Some(frame) => {
                frame.scope.push(item);
                Ok(())
            }
            None => Err(item),
        }
    }
}

/// Gives access to what this thread is doing. No code of the app may run inside.
///
/// While the thread's own variables are being dropped at its end there is nothing any more: then it is as if
/// the thread did nothing else.
pub fn with_thread<R>(work: impl FnOnce(&mut Thread) -> R) -> R {
    let mut work = Some(work);
    let done = THREAD.try_with(|thread| work.take().map(|work| work(&mut thread.borrow_mut())));
    match (done, work) {
        (Ok(Some(result)), _) => result,
        (_, Some(work)) => {
            let mut thread = Thread::new();
            let result = work(&mut thread);
            thread.bin.drain(..).for_each(bin::drop_caught);
            result
        }
        _ => unreachable!("the work was taken and not done"),
    }
}

/// Gives access to the graph, locked, and to what this thread is doing. No code of the app may run inside. What
/// becomes garbage inside is dropped afterwards.
pub fn enter<R>(work: impl FnOnce(&mut Graph, &mut Thread) -> R) -> R {
    let (result, ended, has_garbage) = with_thread(|thread| {
        let mut graph = sync::lock();
        if thread.token == NOBODY {
            thread.token = graph.new_token();
        }
        let result = work(&mut graph, thread);
        thread.bin.append(&mut graph.trash);
        let ended = graph.leases.due();
        drop(graph);
        (result, ended, !thread.bin.is_empty() && thread.keeps_bin == 0)
    });
    if !ended.is_empty() {
        recall(ended);
    }
    if has_garbage {
        bin::empty();
    }
    result
}

/// Recalls values before whoever has changed something goes on. No code of the app runs for that.
#[cold]
fn recall(ended: Vec<Ended>) {
    ended.iter().for_each(Ended::recall);
    enter(|graph, _| {
        graph.leases.recalled(&ended);
        // Of a computed that was dropped meanwhile they are the last shares.
        graph.trash.extend(ended.into_iter().map(Trash::from));
    });
}

/// While it lives, what is read is not noted.
pub struct Untracked(Mode);

impl Untracked {
    pub fn enter() -> Self {
        Self(with_thread(|thread| {
            let mode = thread.mode;
            thread.mode.tracks = false;
            mode
        }))
    }
}

impl Drop for Untracked {
    fn drop(&mut self) {
        with_thread(|thread| thread.mode = self.0);
    }
}

/// While it lives, code runs that belongs to no observer: it is not tracked, and owned by nobody.
pub struct Outside(Mode);

impl Outside {
    pub fn enter() -> Self {
        Self(with_thread(|thread| std::mem::replace(&mut thread.mode, Mode { tracks: false, owns: false })))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        with_thread(|thread| thread.mode = self.0);
    }
}

/// While it lives, nothing is dropped: a computed is brought up to date. What is accepted counts for the outermost one.
pub struct Reading(());

impl Reading {
    pub fn enter() -> Self {
        with_thread(|thread| {
            thread.keeps_bin += 1;
            thread.reading += 1;
        });
        Self(())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        with_thread(|thread| {
            thread.keeps_bin -= 1;
            thread.reading -= 1;
            if thread.reading == 0 {
                let values = thread.accepted.drain(..).filter_map(|accepted| accepted.value);
                thread.bin.extend(values.map(Trash::Value));
                thread.reruns.clear();
            }
        });
        bin::empty();
    }
}
