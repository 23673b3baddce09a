//! The way of a mark from what has changed to everything above.

use super::Graph;
use super::links::NO_LINK;
use super::node::{Kind, Token};
use crate::reactive::source::DueEffect;

impl Graph {
    /// A signal or source has another value. Marks everything above as possibly changed, and gives the effects
    /// among it that the one who marks does not know of yet.
    ///
    /// A mark stops at a node that has it already **from the same one**: the effects above are then on that
    /// one's list of old. It does not stop at a mark of somebody else, because whoever writes runs the effects
    /// of his write.
    pub fn changed(&mut self, index: u32, version: u64, by: Token, due: &mut Vec<DueEffect>) {
        let node = self.at_mut(index);
        node.version = version;
        node.changed_by = by;
        let mut to_mark = std::mem::take(&mut self.to_mark);
        to_mark.push(index);
        while let Some(index) = to_mark.pop() {
            let mut link = self.at(index).first_observer;
            while link != NO_LINK {
                let observer = self.links.at(link).observer;
                link = self.links.at(link).next_observer;
                let id = self.id_at(observer);
                let node = self.at_mut(observer);
                if node.marked_by == by {
                    continue;
                }
                node.marked_by = by;
                match &node.kind {
                    Kind::Effect(effect) => due.push(DueEffect { order: effect.order, id, by }),
                    _ => {
                        to_mark.push(observer);
                        self.end_lease(observer);
                    }
                }
            }
        }
        self.to_mark = to_mark;
        self.recall_what_ended();
    }
}
