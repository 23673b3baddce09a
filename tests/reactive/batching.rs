//! Batches.

use mizu_sync::{Computed, Effect, Signal, batch, untrack};

use crate::log::{Counter, Log, own, panic_of};

#[test]
fn a_batch_runs_each_effect_once_at_its_end() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let _effect = Effect::new(own!(a, b, seen => move || seen.add((a.get(), b.get()))));
    batch(|| {
        a.set(1);
        a.set(2);
        b.set(3);
        assert_eq!(seen.take(), [(0, 0)]);
    });
    assert_eq!(seen.take(), [(2, 3)]);
}

#[test]
fn a_batch_gives_what_its_closure_gives() {
    assert_eq!(batch(|| 42), 42);
}

#[test]
fn of_nested_batches_the_outermost_counts() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
    batch(|| {
        source.set(1);
        batch(|| source.set(2));
        assert_eq!(seen.take(), [0]);
        source.set(3);
    });
    assert_eq!(seen.take(), [3]);
    source.set(4);
    assert_eq!(seen.take(), [4]);
}

#[test]
fn reads_inside_see_the_writes_made_inside() {
    let source = Signal::new(1);
    let double = Computed::new(own!(source => move || source.get() * 2));
    let chain = Computed::new(own!(double => move || double.get() + 1));
    assert_eq!(chain.get(), 3);
    batch(|| {
        source.set(2);
        assert_eq!((source.get(), double.get(), chain.get()), (2, 4, 5));
        source.update(|value| *value += 1);
        assert_eq!((source.get(), chain.get(), double.get()), (3, 7, 6));
    });
    assert_eq!((source.get(), double.get(), chain.get()), (3, 6, 7));
}

#[test]
fn a_computed_that_is_first_read_inside_is_right_inside_and_after() {
    let source = Signal::new(1);
    let double = Computed::new(own!(source => move || source.get() * 2));
    batch(|| {
        source.set(2);
        assert_eq!(double.get(), 4);
        source.set(3);
    });
    assert_eq!(double.get(), 6);
}

#[test]
fn what_was_computed_inside_is_not_computed_again_after() {
    let source = Signal::new(1);
    let runs = Counter::new();
    let double = Computed::new(own!(source, runs => move || {
        runs.add();
        source.get() * 2
    }));
    let seen = Log::new();
    let _effect = Effect::new(own!(double, seen => move || seen.add(double.get())));
    runs.take();
    batch(|| {
        source.set(2);
        assert_eq!((double.get(), double.get()), (4, 4));
        assert_eq!(runs.take(), 1);
    });
    assert_eq!(seen.take(), [2, 4]);
    assert_eq!(runs.take(), 0);
}

#[test]
fn a_computed_inside_runs_only_when_what_it_reads_was_written() {
    let (a, b) = (Signal::new(1), Signal::new(1));
    let runs = Counter::new();
    let is_odd = Computed::new(own!(a => move || a.get() % 2 == 1));
    let above = Computed::new(own!(is_odd, runs => move || {
        runs.add();
        is_odd.get()
    }));
    let _ = above.get();
    runs.take();
    batch(|| {
        b.set(2);
        let _ = above.get();
        assert_eq!(runs.take(), 0);
        a.set(3);
        let _ = above.get();
        assert_eq!(runs.take(), 0);
        a.set(4);
        assert!(!above.get());
        assert_eq!(runs.take(), 1);
        b.set(3);
        let _ = above.get();
        assert_eq!(runs.take(), 0);
    });
    let _ = above.get();
    assert_eq!(runs.take(), 0);
}

#[test]
fn a_value_that_comes_back_in_the_batch_is_no_change() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let double = Computed::new(own!(source, runs => move || {
        runs.add();
        source.get() * 2
    }));
    let seen = Log::new();
    let _effect = Effect::new(own!(double, source, seen => move || seen.add((source.get(), double.get()))));
    runs.take();
    seen.take();
    batch(|| {
        source.set(5);
        source.set(0);
    });
    assert_eq!(double.get(), 0);
    assert_eq!((runs.take(), seen.take()), (0, vec![]));
}

#[test]
fn a_value_that_comes_back_after_it_was_read_inside_is_no_change() {
    let source = Signal::new(1);
    let double = Computed::new(own!(source => move || source.get() * 2));
    let quadruple = Computed::new(own!(double => move || double.get() * 2));
    let seen = Log::new();
    let _effect = Effect::new(own!(quadruple, seen => move || seen.add(quadruple.get())));
    batch(|| {
        source.set(5);
        assert_eq!(quadruple.get(), 20);
        source.set(1);
        assert_eq!(quadruple.get(), 4);
    });
    assert_eq!(seen.take(), [4]);
}

#[test]
fn an_effect_does_not_run_when_the_writes_cancel_out() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let sum = Computed::new(own!(a, b => move || a.get() + b.get()));
    let seen = Log::new();
    let _effect = Effect::new(own!(seen => move || seen.add(sum.get())));
    batch(|| {
        a.set(1);
        b.set(-1);
    });
    assert_eq!(seen.take(), [0]);
}

#[test]
fn batches_that_change_nothing_wake_nobody() {
    let source = Signal::new(0);
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, runs => move || {
        source.get();
        runs.add();
    }));
    for _ in 0..3 {
        batch(|| source.set(0));
        batch(|| {});
    }
    assert_eq!(runs.take(), 1);
}

#[test]
fn a_panic_inside_passes_on_and_what_was_written_before_stays() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let _effect = Effect::new(own!(a, b, seen => move || seen.add((a.get(), b.get()))));
    let text = panic_of(|| {
        batch(|| {
            a.set(1);
            panic!("in the middle");
        });
    });
    assert_eq!(text, "in the middle");
    assert_eq!(seen.take(), [(0, 0), (1, 0)]);
    b.set(2);
    assert_eq!(seen.take(), [(1, 2)]);
}

#[test]
fn a_panic_caught_inside_a_batch_leaves_it_open() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
    batch(|| {
        panic_of(|| {
            batch(|| {
                source.set(1);
                panic!("inner");
            });
        });
        assert_eq!(seen.take(), [0]);
        source.set(2);
    });
    assert_eq!(seen.take(), [2]);
}

#[test]
fn an_effect_made_inside_runs_again_when_more_is_written() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effect = batch(|| {
        source.set(1);
        let effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
        source.set(2);
        effect
    });
    assert_eq!(seen.take(), [1, 2]);
}

#[test]
fn an_effect_made_inside_runs_again_when_what_it_saw_is_taken_back() {
    let source = Signal::new(0);
    let seen = Log::new();
    let _effect = batch(|| {
        source.set(1);
        let effect = Effect::new(own!(source, seen => move || seen.add(source.get())));
        source.set(0);
        effect
    });
    assert_eq!(seen.take(), [1, 0]);
    source.set(5);
    assert_eq!(seen.take(), [5]);
}

#[test]
fn the_writes_of_an_effect_made_inside_belong_to_the_batch() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let _watch = Effect::new(own!(a, b, seen => move || seen.add((a.get(), b.get()))));
    let _effect = batch(|| {
        a.set(1);
        Effect::new(own!(a, b => move || b.set(a.get() * 10)))
    });
    assert_eq!(seen.take(), [(0, 0), (1, 10)]);
}

#[test]
fn a_batch_in_an_effect_groups_its_writes() {
    let (source, a, b) = (Signal::new(0), Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let _writer = Effect::new(own!(source, a, b => move || {
        let value = source.get();
        batch(|| {
            a.set(value);
            b.set(value);
        });
    }));
    let _watch = Effect::new(own!(a, b, seen => move || seen.add((a.get(), b.get()))));
    source.set(1);
    assert_eq!(seen.take(), [(0, 0), (1, 1)]);
}

#[test]
fn a_batch_tracks_what_its_effect_reads_in_it() {
    let (source, other) = (Signal::new(0), Signal::new(0));
    let runs = Counter::new();
    let _effect = Effect::new(own!(source, other, runs => move || {
        runs.add();
        batch(|| {
            other.set(runs_so_far());
            source.get();
        });
    }));
    source.set(1);
    assert_eq!(runs.take(), 2);
}

fn runs_so_far() -> i32 {
    7
}

#[test]
fn a_batch_where_nothing_is_tracked_is_a_batch() {
    let (a, b) = (Signal::new(0), Signal::new(0));
    let seen = Log::new();
    let _effect = Effect::new(own!(a, b, seen => move || seen.add((a.get(), b.get()))));
    untrack(|| {
        batch(|| {
            a.set(1);
            b.set(1);
        });
    });
    assert_eq!(seen.take(), [(0, 0), (1, 1)]);
}

#[test]
fn a_computed_with_changing_dependencies_is_right_inside() {
    let (is_first, first, second) = (Signal::new(true), Signal::new(1), Signal::new(2));
    let shown = Computed::new(own!(is_first, first, second => move || {
        if is_first.get() { first.get() } else { second.get() }
    }));
    assert_eq!(shown.get(), 1);
    batch(|| {
        is_first.set(false);
        assert_eq!(shown.get(), 2);
        second.set(20);
        assert_eq!(shown.get(), 20);
        first.set(10);
        assert_eq!(shown.get(), 20);
        is_first.set(true);
        assert_eq!(shown.get(), 10);
    });
    assert_eq!(shown.get(), 10);
    second.set(30);
    assert_eq!(shown.get(), 10);
    first.set(11);
    assert_eq!(shown.get(), 11);
}

#[test]
fn a_computed_that_panics_inside_is_run_again_after() {
    let source = Signal::new(1);
    let inverse = Computed::new(own!(source => move || 12 / source.get()));
    assert_eq!(inverse.get(), 12);
    batch(|| {
        source.set(0);
        assert!(panic_of(|| inverse.get()).contains("divide by zero"));
        source.set(4);
        assert_eq!(inverse.get(), 3);
        source.set(0);
        assert!(panic_of(|| inverse.get()).contains("divide by zero"));
        source.set(6);
    });
    assert_eq!(inverse.get(), 2);
}

#[test]
fn dropping_a_signal_that_was_written_in_the_batch_is_fine() {
    let kept = Signal::new(0);
    batch(|| {
        let dropped = Signal::new(0);
        dropped.set(1);
        kept.set(1);
        drop(dropped);
    });
    assert_eq!(kept.get(), 1);
}
