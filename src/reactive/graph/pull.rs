//! The way of looking down: is a marked node still what it was?

use std::sync::Arc;

use super::Graph;
use super::links::NO_LINK;
use super::node::{Compute, Kind, NOBODY, NodeId};
use super::publish::Seen;
use crate::reactive::thread::Thread;

/// A node that is being looked at. Those that it waits for are above it on the stack.
pub struct Visit {
    pub id: NodeId,
    /// What it has read, as far as the looking goes: in the graph the next link, in a batch the next of `reads`.
    pub next: u32,
    /// Whether the looking has begun, and at which commit.
    pub began: Option<u64>,
    /// The version of its list of links.
    pub links: u64,
    /// In a batch: what it has read.
    pub reads: Vec<Seen>,
}

impl Visit {
    pub fn new(id: NodeId) -> Self {
        Self { id, next: NO_LINK, began: None, links: 0, reads: Vec::new() }
    }
}

/// How far it went without running code of the app.
pub enum Step {
    /// The node at the bottom of the stack is up to date.
    Done,
    /// This one has to run first.
    Run(NodeId, Arc<dyn Compute>),
    /// The effect at the bottom has to run.
    RunEffect,
    /// It would have to run to know whether it has to run.
    Cycle(String),
}

/// What the next look at one node gives.
enum Look {
    Settled,
    After(NodeId),
    Run,
}

impl Graph {
    /// Looks on at the node on top of the stack, until all are up to date or one has to run.
    pub fn look(&mut self, thread: &Thread, stack: &mut Vec<Visit>) -> Step {
        loop {
            let is_root = stack.len() == 1;
            let Some(visit) = stack.last_mut() else { return Step::Done };
            match self.look_at(thread, visit, is_root) {
                Look::Settled => {
                    stack.pop();
                }
                Look::After(id) => {
                    if self.is_running_here(thread, id) {
                        return Step::Cycle(self.describe_cycle(thread, id, stack));
                    }
                    stack.push(Visit::new(id));
                }
                Look::Run => {
                    let id = visit.id;
                    return match self.at(id.index).computed() {
                        Some(computed) => Step::Run(id, Arc::clone(&computed.compute)),
                        None => Step::RunEffect,
                    };
                }
            }
        }
    }

    fn look_at(&mut self, thread: &Thread, visit: &mut Visit, is_root: bool) -> Look {
        let commits = self.commits;
        let Some(node) = self.get(visit.id) else { return Look::Settled };
        if thread.accepted_value(visit.id).is_some() {
            return Look::Settled;
        }
        if let Kind::Computed(computed) = &node.kind {
            // That it failed is for those above to know, not to try again. Who reads it tries again.
            if !node.is_marked() && (computed.valid().is_some() || !is_root) {
                return Look::Settled;
            }
            if computed.valid().is_none() {
                return Look::Run;
            }
        }
        // The place in a list that has been replaced meanwhile means nothing.
        if visit.began.is_none() || visit.links != node.links_version {
            visit.began = Some(commits);
            visit.links = node.links_version;
            visit.next = node.first_dependency;
        }
        loop {
            while visit.next != NO_LINK {
                let link = self.links.at(visit.next);
                debug_assert_eq!(link.observer, visit.id.index, "a link of somebody else");
                let dependency = self.at(link.dependency);
                // Whoever reads it has to run: only so it is known which value that was made of.
                if thread.has_accepted(self.id_at(link.dependency)) {
                    return Look::Run;
                }
                if dependency.is_marked() {
                    return Look::After(self.id_at(link.dependency));
                }
                if dependency.version != link.seen {
                    return Look::Run;
                }
                visit.next = link.next_dependency;
            }
            if visit.began == Some(commits) {
                break;
            }
            // Something was written while code of the app ran. A mark that came to this node stopped here, so
            // what has been looked at may have changed.
            visit.began = Some(commits);
            visit.next = self.at(visit.id.index).first_dependency;
        }
        self.at_mut(visit.id.index).marked_by = NOBODY;
        Look::Settled
    }

    /// Whether this thread is in the midst of running it.
    pub fn is_running_here(&self, thread: &Thread, id: NodeId) -> bool {
        let running_on = self.get(id).and_then(|node| node.computed()).map(|computed| computed.running_on);
        match running_on {
            None | Some(NOBODY) => false,
            Some(token) if token == thread.token => true,
            // Another thread was first. Does this one run it too?
            Some(_) => thread.runs(id),
        }
    }

    /// The way from a node that runs to where it is needed again.
    pub fn describe_cycle(&self, thread: &Thread, id: NodeId, stack: &[Visit]) -> String {
        let mut ways: Vec<NodeId> = thread.running_since(id).collect();
        ways.extend(stack.iter().map(|visit| visit.id));
        ways.dedup();
        let names: Vec<String> =
            ways.iter().filter_map(|id| self.get(*id)).map(|node| node.place.to_string()).collect();
        match names.as_slice() {
            [] | [_] => format!("the computed made at {} reads itself", self.at(id.index).place),
            [first, others @ ..] => format!(
                "computeds read each other in a circle: the one made at {first} reads that made at {}, which reads the \
                 first again",
                others.join(", which reads that made at ")
            ),
        }
    }
}
