//! Dependencies are those of the last run.

use mizu_sync::{Computed, Effect, Signal, batch};

use crate::log::{Counter, Log, own};

#[test]
fn the_branch_not_taken_wakes_nothing() {
    let (is_first, first, second) = (Signal::new(true), Signal::new("a"), Signal::new("b"));
    let seen = Log::new();
    let _effect = Effect::new(own!(is_first, first, second, seen => move || {
        seen.add(if is_first.get() { first.get() } else { second.get() });
    }));
    second.set("bb");
    assert_eq!(seen.take(), ["a"]);
    is_first.set(false);
    assert_eq!(seen.take(), ["bb"]);
    first.set("aa");
    assert_eq!(seen.take(), [] as [&str; 0]);
    second.set("bbb");
    assert_eq!(seen.take(), ["bbb"]);
}

#[test]
fn a_computed_that_no_branch_reaches_never_runs() {
    let (is_used, source) = (Signal::new(true), Signal::new(1));
    let runs = Counter::new();
    let costly = Computed::new(own!(source, runs => move || {
        runs.add();
        source.get()
    }));
    let shown = Computed::new(own!(is_used, costly => move || if is_used.get() { costly.get() } else { 0 }));
    let _effect = Effect::new(own!(shown => move || {
        shown.get();
    }));
    assert_eq!(runs.take(), 1);
    batch(|| {
        is_used.set(false);
        source.set(2);
    });
    source.set(3);
    assert_eq!(runs.take(), 0);
    is_used.set(true);
    assert_eq!(shown.get(), 3);
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_dependency_taken_up_again_is_a_dependency_again() {
    let (is_used, source) = (Signal::new(true), Signal::new(1));
    let shown = Computed::new(own!(is_used, source => move || if is_used.get() { source.get() } else { 0 }));
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add(shown.get())));
    is_used.set(false);
    source.set(2);
    is_used.set(true);
    source.set(3);
    assert_eq!(seen.take(), [1, 0, 2, 3]);
}

#[test]
fn dropping_one_of_two_observers_dependencies_leaves_the_others() {
    let (is_used, source) = (Signal::new(true), Signal::new(1));
    let double = Computed::new(own!(source => move || source.get() * 2));
    let one = Computed::new(own!(is_used, double => move || if is_used.get() { double.get() } else { 0 }));
    let two = Computed::new(move || double.get());
    let seen = Log::new();
    let _first = Effect::new(own!(one, seen => move || seen.add(("one", one.get()))));
    let _second = Effect::new(own!(seen => move || seen.add(("two", two.get()))));
    is_used.set(false);
    seen.take();
    source.set(5);
    assert_eq!(seen.take(), [("two", 10)]);
}

#[test]
fn a_new_dependency_is_up_to_date_before_it_is_read() {
    let (is_second, source) = (Signal::new(false), Signal::new(1));
    let double = Computed::new(own!(source => move || source.get() * 2));
    let shown = Computed::new(own!(is_second => move || if is_second.get() { double.get() } else { 0 }));
    assert_eq!(shown.get(), 0);
    source.set(2);
    is_second.set(true);
    assert_eq!(shown.get(), 4);
}

#[test]
fn the_order_of_reads_may_change_from_run_to_run() {
    let (flip, a, b) = (Signal::new(false), Signal::new(1), Signal::new(2));
    let seen = Log::new();
    let _effect = Effect::new(own!(flip, a, b, seen => move || {
        let pair = if flip.get() { (b.get(), a.get()) } else { (a.get(), b.get()) };
        seen.add(pair);
    }));
    flip.set(true);
    a.set(3);
    b.set(4);
    flip.set(false);
    a.set(5);
    assert_eq!(seen.take(), [(1, 2), (2, 1), (2, 3), (4, 3), (3, 4), (5, 4)]);
}

#[test]
fn the_number_of_dependencies_may_grow_and_shrink() {
    let count = Signal::new(3);
    let items: Vec<_> = (0..10).map(Signal::new).collect();
    let sum = Computed::new(
        own!(count, items => move || items[..count.get()].iter().map(Signal::get).sum::<i32>()),
    );
    let runs = Counter::new();
    let _effect = Effect::new(own!(sum, runs => move || {
        sum.get();
        runs.add();
    }));
    assert_eq!(sum.get(), 3);
    count.set(10);
    assert_eq!(sum.get(), 45);
    count.set(1);
    assert_eq!(sum.get(), 0);
    runs.take();
    items[5].set(100);
    assert_eq!(runs.take(), 0);
    items[0].set(100);
    assert_eq!(sum.get(), 100);
    assert_eq!(runs.take(), 1);
}

#[test]
fn reading_a_thousand_times_is_one_dependency() {
    let source = Signal::new(1);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, runs => move || {
        runs.add();
        for _ in 0..1000 {
            source.get();
        }
    }));
    source.set(2);
    assert_eq!(runs.take(), 2);
}

#[test]
fn effects_track_their_own_branches() {
    let (a, b) = (Signal::new(1), Signal::new(2));
    let seen = Log::new();
    let make = |name, takes_a: bool| {
        Effect::new(own!(a, b, seen => move || seen.add((name, if takes_a { a.get() } else { b.get() }))))
    };
    let _effects = [make("a", true), make("b", false)];
    seen.take();
    a.set(10);
    b.set(20);
    assert_eq!(seen.take(), [("a", 10), ("b", 20)]);
}

#[test]
fn a_computed_that_reads_nothing_any_more_is_not_woken() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let is_first = std::sync::atomic::AtomicBool::new(true);
    let once = Computed::new(own!(source, runs => move || {
        runs.add();
        if is_first.swap(false, std::sync::atomic::Ordering::SeqCst) { source.get() } else { 7 }
    }));
    assert_eq!(once.get(), 0);
    source.set(1);
    assert_eq!(once.get(), 7);
    source.set(2);
    assert_eq!(once.get(), 7);
    assert_eq!(runs.take(), 2);
}
