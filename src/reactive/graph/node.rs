//! What a place in the arena holds.

use std::any::Any;
use std::panic::Location;
use std::sync::Arc;

use super::links::NO_LINK;
use crate::reactive::effect::{Body, Scope};
use crate::reactive::source::Hook;

/// A value of the app. Whoever reads it holds a share of it, and no lock.
pub type Value = Arc<dyn Any + Send + Sync>;

/// Where a node was made, for errors.
pub type Place = &'static Location<'static>;

/// Who marked or changed a node: a thread, or an origin of sources.
pub type Token = u64;

/// Nobody.
pub const NOBODY: Token = 0;

/// What the tokens of origins have, and those of threads have not.
const OF_ORIGIN: Token = 1 << 63;

/// Where in its token the number of an origin begins. What is below tells its marks from earlier ones.
const ORIGIN: u32 = 32;

/// The first token of the origin of this number.
pub const fn of_origin(number: u32) -> Token {
    OF_ORIGIN | ((number as Token) << ORIGIN)
}

/// Whether sources were changed by it, and not signals by a thread.
pub const fn is_of_origin(token: Token) -> bool {
    token & OF_ORIGIN != 0
}

/// Whether both are tokens of one origin.
pub const fn is_same_origin(token: Token, other: Token) -> bool {
    is_of_origin(token) && token >> ORIGIN == other >> ORIGIN
}

/// Another token of the same origin.
pub const fn next_of_origin(token: Token) -> Token {
    let marks = (1 << ORIGIN) - 1;
    (token & !marks) | (token.wrapping_add(1) & marks)
}

/// A node. The generation tells it from others that had the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId {
    pub index: u32,
    pub generation: u32,
}

/// The closure of a computed with the types taken off.
pub trait Compute: Send + Sync {
    fn compute(&self) -> Value;
    /// Whether a new value is no change.
    fn is_same(&self, old: &Value, new: &Value) -> bool;
    /// Tells whoever keeps a value on a lease that it may not be the one of now any more.
    fn recall(&self);
}

/// What is the same for every node.
pub struct Node {
    pub generation: u32,
    /// Groups of handles that share one count. None and no observer: the node is freed.
    pub handles: u32,
    /// Runs in progress that have read it.
    pub pins: u32,
    pub first_dependency: u32,
    /// Another number whenever the list of dependencies is another.
    pub links_version: u64,
    pub first_observer: u32,
    /// Unique in the graph; another one whenever the value is another.
    pub version: u64,
    /// Who brought this version.
    pub changed_by: Token,
    /// Who said last that something below has changed, so that this may have.
    pub marked_by: Token,
    /// The run that has noted it last, so that it notes it once.
    pub noted_by: u64,
    pub place: Place,
    pub kind: Kind,
}

/// What is different.
pub enum Kind {
    Free,
    Signal(Value),
    Source(Option<Hook>),
    Computed(ComputedNode),
    Effect(Box<EffectNode>),
}

pub struct ComputedNode {
    pub compute: Arc<dyn Compute>,
    pub value: Option<Value>,
    /// The last run panicked: the value is from before, or missing.
    pub has_failed: bool,
    /// Somebody keeps the value, and is told as soon as it may be another one.
    pub is_leased: bool,
    /// A thread that runs it. Others may too; those look through their frames.
    pub running_on: Token,
}

impl ComputedNode {
    pub fn new(compute: Arc<dyn Compute>) -> Self {
        Self { compute, value: None, has_failed: false, is_leased: false, running_on: NOBODY }
    }

    /// The value, unless the last run failed.
    pub fn valid(&self) -> Option<&Value> {
        self.value.as_ref().filter(|_| !self.has_failed)
    }
}

pub struct EffectNode {
    /// The order of creation, in which effects run.
    pub order: u64,
    /// Missing while it runs.
    pub body: Option<Body>,
    /// What ends before the next run: cleanups and inner effects.
    pub scope: Scope,
    pub is_running: bool,
    /// Somebody wanted to run it while it ran.
    pub run_again: bool,
    /// An origin wanted to run it while it ran, and runs it later.
    pub hand_over: Token,
    /// Ends as soon as the run in progress does.
    pub is_stopped: bool,
    /// The last run panicked: the next one happens whatever has changed.
    pub has_failed: bool,
    /// The flush that ran it last, and how often it did.
    pub flush: u64,
    pub runs: u32,
}

impl Node {
    pub fn new(generation: u32, place: Place, kind: Kind) -> Self {
        Self {
            generation,
            handles: 0,
            pins: 0,
            first_dependency: NO_LINK,
            links_version: 0,
            first_observer: NO_LINK,
            version: 0,
            changed_by: NOBODY,
            marked_by: NOBODY,
            noted_by: 0,
            place,
            kind,
        }
    }

    pub fn is_marked(&self) -> bool {
        self.marked_by != NOBODY
    }

    pub fn computed(&self) -> Option<&ComputedNode> {
        match &self.kind {
            Kind::Computed(computed) => Some(computed),
            _ => None,
        }
    }

    pub fn computed_mut(&mut self) -> Option<&mut ComputedNode> {
        match &mut self.kind {
            Kind::Computed(computed) => Some(computed),
            _ => None,
        }
    }

    pub fn effect_mut(&mut self) -> Option<&mut EffectNode> {
        match &mut self.kind {
            Kind::Effect(effect) => Some(effect),
            _ => None,
        }
    }
}
