//! Values that somebody keeps elsewhere, until they are recalled.
//!
//! # Idea
//! Whoever changes something recalls what was made of it, before his call returns. A lease ends once, but a recall takes
//! a moment: another thread whose change finds the lease ended must not return before its keeper has heard of it,
//! either; nor may one that runs an effect go on, which has read what was changed and is not run for it again. It does not
//! wait for the first, it recalls what is being recalled once more.

use std::sync::Arc;

use super::Graph;
use super::node::{Compute, Kind};
use crate::reactive::bin::Trash;

/// A lease that has ended.
#[derive(Clone)]
pub struct Ended {
    number: u64,
    compute: Arc<dyn Compute>,
}

impl From<Ended> for Trash {
    fn from(ended: Ended) -> Self {
        Self::Compute(ended.compute)
    }
}

impl Ended {
    pub fn recall(&self) {
        self.compute.recall();
    }
}

pub struct Leases {
    /// Those of which nobody knows yet that their keepers have heard of it.
    ended: Vec<Ended>,
    /// Somebody must not go on before they have.
    is_due: bool,
}

impl Leases {
    pub const fn new() -> Self {
        Self { ended: Vec::new(), is_due: false }
    }

    /// What is to be recalled before the call returns that has entered the graph.
    pub fn due(&mut self) -> Vec<Ended> {
        if std::mem::take(&mut self.is_due) { self.ended.clone() } else { Vec::new() }
    }

    /// These were recalled.
    pub fn recalled(&mut self, recalled: &[Ended]) {
        // Numbers grow, so both are in their order.
        self.ended.retain(|ended| recalled.binary_search_by_key(&ended.number, |done| done.number).is_err());
    }
}

impl Graph {
    /// What is above a change may have another value: its lease ends, if there is one.
    pub fn end_lease(&mut self, index: u32) {
        let Kind::Computed(computed) = &mut self.nodes[index as usize].kind else { return };
        if std::mem::take(&mut computed.is_leased) {
            let compute = Arc::clone(&computed.compute);
            let number = self.new_number();
            self.leases.ended.push(Ended { number, compute });
        }
    }

    /// Something was changed, or is read by who remembers it.
    pub fn recall_what_ended(&mut self) {
        self.leases.is_due |= !self.leases.ended.is_empty();
    }
}
