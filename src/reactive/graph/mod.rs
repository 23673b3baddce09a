//! The graph itself: nodes and links in arenas, under one lock. Nothing in here runs code of the app.
//!
//! # Idea
//! Every value has a version, a number that is never used twice. An observer remembers for each thing that it
//! read the version that it saw; it is up to date exactly when these are the versions of now. A write
//! **pushes** a mark to everything above, which says "something below has changed, look before you answer". A
//! read **pulls**: it looks at what a marked node has read, deepest first, and runs the node only if one of the
//! versions is another. So the marks save the looking, and the versions decide.
//!
//! - [`node`] is what a place holds, [`links`] who reads whom, [`push`] the way of marks up, [`pull`] the way of
//!   looking down, [`publish`] how the result of a run enters, [`lease`] what is kept outside.
//! - What the app gave and the graph has no use for any more goes into [`Graph::trash`], and is dropped by the
//!   caller when the lock is released.

pub mod lease;
pub mod links;
pub mod node;
pub mod publish;
pub mod pull;
pub mod push;

use lease::Leases;
use links::{Links, NO_LINK};
use node::{Kind, NOBODY, Node, NodeId, Place, Token, Value};
use publish::Seen;

use super::bin::Trash;
use super::source::{DueEffect, Origin, WeakOrigin};

pub struct Graph {
    nodes: Vec<Node>,
    free: Vec<u32>,
    pub links: Links,
    pub leases: Leases,
    effects: usize,
    /// The last number given out: versions, runs, flushes.
    number: u64,
    /// How often the value of a signal or source has changed.
    pub commits: u64,
    last_token: Token,
    last_origin: u32,
    /// The origins that run effects when their turn comes.
    origins: Vec<WeakOrigin>,
    /// What the app's code must drop, outside of the lock.
    pub trash: Vec<Trash>,
    /// Where a mark still has to go. Kept for its memory.
    to_mark: Vec<u32>,
}

impl Graph {
    pub const fn new() -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            links: Links::new(),
            leases: Leases::new(),
            effects: 0,
            number: 0,
            commits: 0,
            last_token: NOBODY,
            last_origin: 0,
            origins: Vec::new(),
            trash: Vec::new(),
            to_mark: Vec::new(),
        }
    }

    /// A number that was never used.
    pub fn new_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    pub fn new_token(&mut self) -> Token {
        self.last_token += 1;
        self.last_token
    }

    pub fn new_origin(&mut self) -> Token {
        self.last_origin += 1;
        node::of_origin(self.last_origin)
    }

    /// From now on this origin runs effects.
    pub fn add_runner(&mut self, origin: WeakOrigin) {
        self.origins.retain(WeakOrigin::is_alive);
        self.origins.push(origin);
    }

    /// Whether the origin of this token runs effects when their turn comes.
    pub fn has_runner(&self, token: Token) -> bool {
        self.origins.iter().any(|origin| origin.is_of(token) && origin.is_alive())
    }

    /// The origin of this token, if it runs effects. To be dropped outside of the lock.
    pub fn runner(&self, token: Token) -> Option<Origin> {
        self.origins.iter().find(|origin| origin.is_of(token))?.upgrade()
    }

    /// How many nodes, links and effects there are.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.nodes.len() - self.free.len(), self.links.count(), self.effects)
    }

    pub fn add(&mut self, place: Place, kind: Kind) -> NodeId {
        if matches!(kind, Kind::Effect(_)) {
            self.effects += 1;
        }
        let version = self.new_number();
        let index = self.free.pop().unwrap_or_else(|| {
            let index = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            assert!(index != u32::MAX, "the reactive graph is full: it holds 4,294,967,294 nodes");
            self.nodes.push(Node::new(0, place, Kind::Free));
            index
        });
        let node = self.at_mut(index);
        *node = Node::new(node.generation, place, kind);
        node.version = version;
        NodeId { index, generation: node.generation }
    }

    /// The node at a place that is known to be used.
    pub fn at(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    /// The node at a place that is known to be used.
    pub fn at_mut(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }

    /// None when it was freed.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        Some(self.at(id.index)).filter(|node| node.generation == id.generation)
    }

    /// None when it was freed.
    pub fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        Some(self.at_mut(id.index)).filter(|node| node.generation == id.generation)
    }

    pub fn id_at(&self, index: u32) -> NodeId {
        NodeId { index, generation: self.at(index).generation }
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    /// The value of a signal, of which somebody has a handle.
    pub fn signal_value(&self, id: NodeId) -> &Value {
        match self.get(id).map(|node| &node.kind) {
            Some(Kind::Signal(value)) => value,
            _ => unreachable!("a signal lives as long as its handle"),
        }
    }

    /// The version of a node that is there.
    pub fn version(&self, id: NodeId) -> u64 {
        self.at(id.index).version
    }

    /// Whether an effect is stopped. One that is gone is.
    pub fn is_stopped(&self, id: NodeId) -> bool {
        match self.get(id).map(|node| &node.kind) {
            Some(Kind::Effect(effect)) => effect.is_stopped,
            _ => true,
        }
    }

    /// The first dependency of a node that is marked.
    pub fn first_marked(&self, id: NodeId) -> Option<NodeId> {
        let reads = self.get(id).map(|_| self.reads_of(id.index))?;
        reads.into_iter().map(|seen| seen.id).find(|id| self.at(id.index).is_marked())
    }

    /// Gives a signal another value.
    pub fn write(&mut self, id: NodeId, value: Value, version: u64, by: Token, due: &mut Vec<DueEffect>) {
        if let Kind::Signal(old) = &mut self.at_mut(id.index).kind {
            let old = std::mem::replace(old, value);
            self.trash.push(old.into());
        }
        self.commits += 1;
        self.changed(id.index, version, by, due);
    }

    /// What a node has read when it ran last.
    pub fn reads_of(&self, index: u32) -> Vec<Seen> {
        let mut reads = vec![];
        let mut link = self.at(index).first_dependency;
        while link != NO_LINK {
            let links::Link { dependency, seen, next_dependency, .. } = *self.links.at(link);
            reads.push(Seen { id: self.id_at(dependency), version: seen });
            link = next_dependency;
        }
        reads
    }

    /// One group of handles more.
    pub fn hold(&mut self, id: NodeId) -> bool {
        let Some(node) = self.get_mut(id) else { return false };
        node.handles += 1;
        true
    }

    /// One group of handles less.
    pub fn release(&mut self, id: NodeId) {
        if let Some(node) = self.get_mut(id) {
            node.handles -= 1;
            self.free_unused(id.index);
        }
    }

    pub fn unpin(&mut self, id: NodeId) {
        if let Some(node) = self.get_mut(id) {
            node.pins -= 1;
            self.free_unused(id.index);
        }
    }

    /// Frees a node that nobody holds or observes, and then what only it observed. Effects are removed by hand.
    pub fn free_unused(&mut self, index: u32) {
        let mut unused = vec![];
        let mut next = Some(index);
        while let Some(index) = next {
            let node = self.at(index);
            let is_used = node.handles > 0 || node.pins > 0 || node.first_observer != NO_LINK;
            if !is_used && !matches!(node.kind, Kind::Free | Kind::Effect(_)) {
                self.vacate(index, &mut unused);
            }
            next = unused.pop();
        }
    }

    /// Frees an effect, whoever holds it.
    pub fn remove_effect(&mut self, index: u32) {
        self.effects -= 1;
        let mut unused = vec![];
        self.vacate(index, &mut unused);
        for index in unused {
            self.free_unused(index);
        }
    }

    fn vacate(&mut self, index: u32, unused: &mut Vec<u32>) {
        self.cut_links(index, unused);
        let id = self.id_at(index);
        let node = self.at_mut(index);
        let kind = std::mem::replace(&mut node.kind, Kind::Free);
        // A generation that has come to its end is not used again.
        if node.generation < u32::MAX {
            node.generation += 1;
            self.free.push(index);
        }
        self.trash.extend(Trash::of(id, kind));
    }

    /// Takes all links away by which a node observes others. Those that it alone observed may be unused now.
    pub fn cut_links(&mut self, observer: u32, unused: &mut Vec<u32>) {
        // Whoever is looking at them on another thread must not go on from one that is gone.
        let links_version = self.new_number();
        let node = self.at_mut(observer);
        node.links_version = links_version;
        let first = std::mem::replace(&mut node.first_dependency, NO_LINK);
        self.unlink_from(first, unused);
    }

    /// Takes away this link and those behind it of the same observer.
    fn unlink_from(&mut self, mut link: u32, unused: &mut Vec<u32>) {
        while link != NO_LINK {
            let links::Link { dependency, previous_observer, next_observer, next_dependency, .. } =
                *self.links.at(link);
            if next_observer != NO_LINK {
                self.links.at_mut(next_observer).previous_observer = previous_observer;
            }
            if previous_observer == NO_LINK {
                self.at_mut(dependency).first_observer = next_observer;
            } else {
                self.links.at_mut(previous_observer).next_observer = next_observer;
            }
            self.links.remove(link);
            if next_observer == NO_LINK && previous_observer == NO_LINK {
                unused.push(dependency);
            }
            link = next_dependency;
        }
    }

    /// A new link, of which the observer's list knows nothing yet.
    fn link(&mut self, dependency: u32, observer: u32, seen: u64) -> u32 {
        let next_observer = self.at(dependency).first_observer;
        let link = self.links.add(links::Link {
            dependency,
            observer,
            seen,
            next_dependency: NO_LINK,
            previous_observer: NO_LINK,
            next_observer,
        });
        if next_observer != NO_LINK {
            self.links.at_mut(next_observer).previous_observer = link;
        }
        self.at_mut(dependency).first_observer = link;
        link
    }
}
