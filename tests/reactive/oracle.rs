//! Random graphs and random work on them, compared with an oracle that computes everything anew each time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use mizu_sync::{Computed, Effect, Signal, batch};

use crate::seeds::seeds;

/// What a computed does with what it reads. The same description drives the graph and the oracle.
#[derive(Clone, Debug)]
enum Formula {
    Sum(Vec<usize>),
    /// If the first is odd the second, else the third: dependencies that come and go.
    Choice(usize, usize, usize),
    /// Equal for many values of what it reads.
    Rough(usize),
}

impl Formula {
    fn random(random: &mut fastrand::Rng, below: usize) -> Self {
        let mut one = || random.usize(..below);
        let (a, b, c) = (one(), one(), one());
        match random.u8(..4) {
            0 => Self::Choice(a, b, c),
            1 => Self::Rough(a),
            _ => Self::Sum((0..random.usize(1..5)).map(|_| random.usize(..below)).collect()),
        }
    }

    fn value(&self, read: &dyn Fn(usize) -> i64) -> i64 {
        match self {
            Self::Sum(all) => all.iter().map(|node| read(*node)).fold(0, i64::wrapping_add) % 1_000_003,
            Self::Choice(which, yes, no) => read(if read(*which) % 2 != 0 { *yes } else { *no }),
            Self::Rough(one) => read(*one).div_euclid(4),
        }
    }
}

#[derive(Clone)]
enum Node {
    Signal(Signal<i64>),
    Computed(Computed<i64>),
}

impl Node {
    fn get(&self) -> i64 {
        match self {
            Self::Signal(signal) => signal.get(),
            Self::Computed(computed) => computed.get(),
        }
    }
}

/// Nothing is remembered but the signals.
struct Oracle {
    signals: Vec<i64>,
    formulas: Vec<Formula>,
}

impl Oracle {
    fn value(&self, node: usize) -> i64 {
        let count = self.signals.len();
        // From below, so that a node that is read often is computed once.
        let mut values = self.signals.clone();
        for formula in self.formulas.iter().take((node + 1).saturating_sub(count)) {
            let value = formula.value(&|node| values[node]);
            values.push(value);
        }
        values[node]
    }
}

/// What the runs of one node did in one update.
#[derive(Default)]
struct Runs(Mutex<BTreeMap<usize, usize>>);

impl Runs {
    fn add(&self, node: usize) {
        *self.0.lock().unwrap().entry(node).or_default() += 1;
    }

    fn take(&self) -> BTreeMap<usize, usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct World {
    nodes: Vec<Node>,
    oracle: Oracle,
    runs: Arc<Runs>,
    /// What each effect observes, and what it has seen last.
    effects: Vec<(usize, Effect, Arc<Mutex<i64>>)>,
    seen: Arc<Runs>,
}

impl World {
    fn random(random: &mut fastrand::Rng) -> Self {
        let runs: Arc<Runs> = Arc::default();
        let mut nodes: Vec<Node> = vec![];
        let mut oracle = Oracle { signals: vec![], formulas: vec![] };
        for _ in 0..random.usize(2..8) {
            let value = random.i64(0..20);
            nodes.push(Node::Signal(Signal::new(value)));
            oracle.signals.push(value);
        }
        for _ in 0..random.usize(1..30) {
            let index = nodes.len();
            let formula = Formula::random(random, index);
            oracle.formulas.push(formula.clone());
            let (below, runs) = (nodes.clone(), Arc::clone(&runs));
            nodes.push(Node::Computed(Computed::new(move || {
                runs.add(index);
                formula.value(&|node| below[node].get())
            })));
        }
        Self { nodes, oracle, runs, effects: vec![], seen: Arc::default() }
    }

    fn add_effect(&mut self, node: usize) {
        let last = Arc::new(Mutex::new(0));
        let (observed, seen, saw) = (self.nodes[node].clone(), Arc::clone(&self.seen), Arc::clone(&last));
        let number = self.effects.len();
        let effect = Effect::new(move || {
            seen.add(number);
            *saw.lock().unwrap() = observed.get();
        });
        self.effects.push((node, effect, last));
    }

    fn set(&mut self, signal: usize, value: i64) {
        if let Node::Signal(node) = &self.nodes[signal] {
            node.set(value);
        }
        self.oracle.signals[signal] = value;
    }

    /// After an update: nothing ran twice, and effects ran exactly when what they observe is another.
    fn check_update(&self, before: &[i64]) {
        for (node, count) in self.runs.take() {
            assert_eq!(count, 1, "node {node} ran {count} times in one update");
        }
        let mut seen = self.seen.take();
        for (number, (node, _, last)) in self.effects.iter().enumerate() {
            let value = self.oracle.value(*node);
            assert_eq!(*last.lock().unwrap(), value, "what effect {number} has seen of node {node}");
            let expected = usize::from(before[number] != value);
            assert_eq!(seen.remove(&number).unwrap_or(0), expected, "runs of effect {number} on node {node}");
        }
    }

    fn observed(&self) -> Vec<i64> {
        self.effects.iter().map(|(node, ..)| self.oracle.value(*node)).collect()
    }

    fn check(&self, node: usize) {
        assert_eq!(self.nodes[node].get(), self.oracle.value(node), "node {node}");
        for (node, count) in self.runs.take() {
            assert_eq!(count, 1, "node {node} ran {count} times in one read");
        }
    }
}

fn run(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut world = World::random(&mut random);
    let (signals, all) = (world.oracle.signals.len(), world.nodes.len());
    for _ in 0..40 {
        let before = world.observed();
        match random.u8(..10) {
            0..4 => {
                world.set(random.usize(..signals), random.i64(0..20));
                world.check_update(&before);
            }
            4..6 => {
                batch(|| {
                    for _ in 0..random.usize(1..4) {
                        world.set(random.usize(..signals), random.i64(0..20));
                        if random.bool() {
                            world.check(random.usize(..all));
                        }
                    }
                });
                // What was computed in the batch may have been computed once more for an earlier state of it.
                world.runs.take();
                world.check_update(&before);
            }
            6 if world.effects.len() < 5 => {
                world.add_effect(random.usize(..all));
                world.runs.take();
                world.seen.take();
            }
            7 if !world.effects.is_empty() => {
                world.effects.pop();
            }
            _ => world.check(random.usize(..all)),
        }
    }
}

#[test]
fn random_graphs_agree_with_an_oracle_that_computes_everything_anew() {
    for seed in seeds(3_000) {
        let result = std::panic::catch_unwind(|| run(seed));
        assert!(result.is_ok(), "seed {seed}: see above");
    }
}
