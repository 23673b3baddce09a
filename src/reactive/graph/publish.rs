//! How the result of a run enters the graph.

use super::Graph;
use super::links::NO_LINK;
use super::node::{NOBODY, NodeId, Token, Value, is_of_origin};

/// What a run has read, and which version it saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: NodeId,
    pub version: u64,
}

/// What became of things since they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// All are still what they were.
    Current,
    /// This thread itself has changed one.
    ChangedHere,
    /// An origin has, and no other thread.
    ChangedByOrigin(Token),
    /// Other threads have.
    ChangedElsewhere,
}

impl Graph {
    /// Whether what was read is still so.
    pub fn age(&self, reads: &[Seen], here: Token) -> Age {
        let mut age = Age::Current;
        for seen in reads {
            let by = match self.get(seen.id) {
                Some(node) if node.is_marked() => node.marked_by,
                Some(node) if node.version != seen.version => node.changed_by,
                Some(_) => continue,
                None => NOBODY,
            };
            if by == here {
                return Age::ChangedHere;
            }
            if !is_of_origin(by) {
                age = Age::ChangedElsewhere;
            } else if age == Age::Current {
                age = Age::ChangedByOrigin(by);
            }
        }
        age
    }

    /// Makes what was read the observer's links, in this order. Links that stay are not touched.
    pub fn relink(&mut self, observer: u32, reads: &[Seen]) {
        let pass = self.new_number();
        let mut last = NO_LINK;
        self.at_mut(observer).links_version = pass;
        let mut old = self.at(observer).first_dependency;
        let mut is_same_so_far = true;
        for seen in reads {
            let Some(node) = self.get_mut(seen.id) else { continue };
            if node.noted_by == pass {
                continue;
            }
            node.noted_by = pass;
            let is_same = old != NO_LINK && self.links.at(old).dependency == seen.id.index;
            if is_same_so_far && is_same {
                self.links.at_mut(old).seen = seen.version;
                last = old;
                old = self.links.at(old).next_dependency;
                continue;
            }
            is_same_so_far = false;
            let link = self.link(seen.id.index, observer, seen.version);
            self.append(observer, last, link);
            last = link;
        }
        self.append(observer, last, NO_LINK);
        // Last, so that nothing is freed in between that was read before and now again.
        let mut unused = vec![];
        self.unlink_from(old, &mut unused);
        for index in unused {
            self.free_unused(index);
        }
    }

    /// Lets an observer's list go on with `next` behind `last`.
    fn append(&mut self, observer: u32, last: u32, next: u32) {
        if last == NO_LINK {
            self.at_mut(observer).first_dependency = next;
        } else {
            self.links.at_mut(last).next_dependency = next;
        }
    }

    /// A computed has a value, from what it read. Nothing of that may have changed since.
    /// `version` is given when the value is another than before.
    pub fn publish_value(&mut self, index: u32, reads: &[Seen], value: Value, version: Option<u64>) {
        self.relink(index, reads);
        let node = self.at_mut(index);
        let by = std::mem::replace(&mut node.marked_by, NOBODY);
        let Some(computed) = node.computed_mut() else { return };
        computed.has_failed = false;
        let unneeded = match version {
            Some(_) => computed.value.replace(value),
            None => Some(value),
        };
        if let Some(version) = version {
            node.version = version;
            node.changed_by = by;
        }
        self.trash.extend(unneeded.map(Into::into));
    }

    /// A computed has panicked after it had read this. It stays due: whoever reads it runs it again.
    /// Gives the version by which observers know the failure.
    pub fn publish_failure(&mut self, index: u32, reads: &[Seen]) -> u64 {
        self.relink(index, reads);
        let version = self.new_number();
        let node = self.at_mut(index);
        let by = std::mem::replace(&mut node.marked_by, NOBODY);
        let Some(computed) = node.computed_mut() else { return version };
        // Failing again with nothing changed is nothing new.
        let is_new = !std::mem::replace(&mut computed.has_failed, true) || by != NOBODY;
        if is_new {
            node.version = version;
            node.changed_by = by;
        }
        node.version
    }
}
