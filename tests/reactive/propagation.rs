//! Changes go through the graph once, in order, and never half.

use mizu_sync::{Computed, Effect, Signal, batch};

use crate::log::{Counter, Log, own};

#[test]
fn a_diamond_is_computed_once_and_never_seen_half() {
    let source = Signal::new(1);
    let left = Computed::new(own!(source => move || source.get() + 1));
    let right = Computed::new(own!(source => move || source.get() * 10));
    let runs = Counter::new();
    let bottom = Computed::new(own!(runs => move || {
        runs.add();
        (left.get(), right.get())
    }));
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add(bottom.get())));
    source.set(2);
    assert_eq!(seen.take(), [(2, 10), (3, 20)]);
    assert_eq!(runs.take(), 2);
}

#[test]
fn what_hangs_below_a_diamond_is_computed_once() {
    let source = Signal::new("a");
    let left = Computed::new(own!(source => move || source.get()));
    let right = Computed::new(own!(source => move || source.get()));
    let joined = Computed::new(move || format!("{} {}", left.get(), right.get()));
    let runs = Counter::new();
    let tail = Computed::new(own!(runs => move || {
        runs.add();
        joined.get()
    }));
    assert_eq!(tail.get(), "a a");
    source.set("b");
    assert_eq!(tail.get(), "b b");
    assert_eq!(runs.take(), 2);
}

#[test]
fn a_jagged_diamond_runs_each_node_once_in_order() {
    let source = Signal::new(0);
    let order = Log::new();
    let node = |name: &'static str, reads: Vec<Computed<i32>>| {
        Computed::new(own!(order, source => move || {
            let value = if reads.is_empty() { source.get() } else { reads.iter().map(Computed::get).sum() };
            order.add(name);
            value
        }))
    };
    let b = node("b", vec![]);
    let c = node("c", vec![]);
    let d = node("d", vec![c.clone()]);
    let e = node("e", vec![b, d]);
    let f = node("f", vec![e.clone()]);
    let g = node("g", vec![e]);
    assert_eq!((f.get(), g.get()), (0, 0));
    order.take();
    source.set(1);
    assert_eq!((f.get(), g.get()), (2, 2));
    assert_eq!(order.take(), ["b", "c", "d", "e", "f", "g"]);
}

#[test]
fn a_dependency_that_is_read_directly_and_through_another_is_seen_once() {
    // A -> B -> C, and C reads A too: B must not be late.
    let source = Signal::new(2);
    let less = Computed::new(own!(source => move || source.get() - 1));
    let runs = Counter::new();
    let sum = Computed::new(own!(source, runs => move || {
        runs.add();
        source.get() + less.get()
    }));
    assert_eq!(sum.get(), 3);
    source.set(4);
    assert_eq!(sum.get(), 7);
    assert_eq!(runs.take(), 2);
}

#[test]
fn one_changed_dependency_is_enough_among_unchanged_ones() {
    let source = Signal::new(1);
    let changing = Computed::new(own!(source => move || source.get()));
    let constant = Computed::new(own!(source => move || {
        source.get();
        0
    }));
    let sum = Computed::new(own!(changing, constant => move || constant.get() + changing.get()));
    let other = Computed::new(move || changing.get() + constant.get());
    assert_eq!((sum.get(), other.get()), (1, 1));
    source.set(2);
    assert_eq!((sum.get(), other.get()), (2, 2));
}

#[test]
fn many_computeds_of_one_signal_join_in_one_run() {
    let source = Signal::new(1);
    let parts: Vec<_> =
        (0..50).map(|factor| Computed::new(own!(source => move || source.get() * factor))).collect();
    let runs = Counter::new();
    let sum = Computed::new(own!(runs => move || {
        runs.add();
        parts.iter().map(Computed::get).sum::<i32>()
    }));
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add(sum.get())));
    source.set(2);
    assert_eq!(seen.take(), [1225, 2450]);
    assert_eq!(runs.take(), 2);
}

#[test]
fn paths_that_double_at_each_step_cost_one_run_a_node() {
    let source = Signal::new(1_u64);
    let runs = Counter::new();
    let mut last = Computed::new(own!(source => move || source.get()));
    for _ in 0..40 {
        let left = Computed::new(own!(last, runs => move || {
            runs.add();
            last.get()
        }));
        let right = Computed::new(own!(last, runs => move || {
            runs.add();
            last.get()
        }));
        last = Computed::new(move || left.get() / 2 + right.get() / 2 + 1);
    }
    let _ = last.get();
    runs.take();
    source.set(1000);
    let _ = last.get();
    assert!(runs.take() <= 80);
}

#[test]
fn several_signals_meet_in_crossed_diamonds() {
    let (a, b) = (Signal::new(1), Signal::new(2));
    let sum = Computed::new(own!(a, b => move || a.get() + b.get()));
    let product = Computed::new(own!(a, b => move || a.get() * b.get()));
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add((sum.get(), product.get()))));
    a.set(3);
    batch(|| {
        a.set(4);
        b.set(5);
    });
    assert_eq!(seen.take(), [(3, 2), (5, 6), (9, 20)]);
}

#[test]
fn a_long_and_a_short_way_join_without_a_mixed_state() {
    let source = Signal::new(1);
    let first = Computed::new(own!(source => move || source.get() + 1));
    let second = Computed::new(move || first.get() + 1);
    let third = Computed::new(move || second.get() + 1);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || seen.add((source.get(), third.get()))));
    source.set(5);
    assert_eq!(seen.take(), [(1, 4), (5, 8)]);
}

#[test]
fn all_observers_of_a_signal_hear_of_a_change() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effects: Vec<_> = (0..20)
        .map(|number| Effect::new(own!(source, seen => move || seen.add((number, source.get())))))
        .collect();
    seen.take();
    source.set(1);
    assert_eq!(seen.take(), (0..20).map(|number| (number, 1)).collect::<Vec<_>>());
}

#[test]
fn when_one_observer_ends_the_others_still_hear() {
    let source = Signal::new(0);
    let double = Computed::new(own!(source => move || source.get() * 2));
    let seen = Log::new();
    let make = |name| Effect::new(own!(double, seen => move || seen.add((name, double.get()))));
    let effects = [make("a"), make("b"), make("c")];
    seen.take();
    effects[1].stop();
    source.set(1);
    assert_eq!(seen.take(), [("a", 2), ("c", 2)]);
}

#[test]
fn two_of_three_ways_unchanged_do_not_hide_the_third() {
    let source = Signal::new(1);
    let steady = Computed::new(own!(source => move || source.get() > 0));
    let other = Computed::new(own!(source => move || source.get() > 0));
    let moving = Computed::new(own!(source => move || source.get()));
    let joined = Computed::new(move || (steady.get(), other.get(), moving.get()));
    assert_eq!(joined.get(), (true, true, 1));
    source.set(2);
    assert_eq!(joined.get(), (true, true, 2));
}

#[test]
fn an_effect_that_comes_later_gets_what_was_computed_before() {
    let source = Signal::new(1);
    let runs = Counter::new();
    let double = Computed::new(own!(source, runs => move || {
        runs.add();
        source.get() * 2
    }));
    assert_eq!(double.get(), 2);
    let seen = Log::new();
    let _effect = Effect::new(own!(double, seen => move || seen.add(double.get())));
    assert_eq!(runs.take(), 1);
    source.set(2);
    assert_eq!(seen.take(), [2, 4]);
}

#[test]
fn an_effect_that_comes_after_a_change_sees_the_new_value() {
    let source = Signal::new(1);
    let double = Computed::new(own!(source => move || source.get() * 2));
    let _ = double.get();
    source.set(5);
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add(double.get())));
    assert_eq!(seen.take(), [10]);
}
