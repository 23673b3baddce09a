//! Effects that return an error.

use std::sync::Mutex;

use mizu_sync::reactive::set_error_handler;
use mizu_sync::{Effect, Signal};

use crate::log::{Log, own};

/// The handler is the process's: one test at a time may set it.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn an_effect_may_use_the_question_mark_and_its_error_goes_to_the_handler() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let heard = Log::new();
    set_error_handler(own!(heard => move |error| heard.add((error.to_string(), error.made_at().line()))));
    let text = Signal::new("1");
    let seen = Log::new();
    let line = line!() + 1;
    let _effect = Effect::new(own!(text, seen => move || {
        let number: i32 = text.get().parse()?;
        seen.add(number);
        Ok(())
    }));
    text.set("x");
    text.set("2");
    assert_eq!(seen.take(), [1, 2]);
    let heard = heard.take();
    assert_eq!(heard.len(), 1);
    assert!(heard[0].0.contains("invalid digit"), "{}", heard[0].0);
    assert!(heard[0].0.contains(file!()), "{}", heard[0].0);
    assert_eq!(heard[0].1, line);
}

#[test]
fn an_error_at_the_first_run_does_not_stop_the_effect() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let heard = Log::new();
    set_error_handler(own!(heard => move |error| heard.add(error.into_inner().to_string())));
    let source = Signal::new(0);
    let _effect = Effect::new(own!(source => move || {
        if source.get() == 0 {
            return Err("nothing there".into());
        }
        Ok(())
    }));
    assert_eq!(heard.take(), ["nothing there"]);
    source.set(1);
    source.set(0);
    assert_eq!(heard.take(), ["nothing there"]);
}

#[test]
fn the_handler_may_use_the_graph_and_tracks_nothing() {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let last_error = Signal::new(String::new());
    set_error_handler(own!(last_error => move |error| {
        last_error.get();
        last_error.set(error.to_string());
    }));
    let seen = Log::new();
    let _watch =
        Effect::new(own!(last_error, seen => move || seen.add(last_error.get().contains("refused"))));
    let source = Signal::new(0);
    let _effect =
        Effect::new(own!(source => move || if source.get() == 1 { Err("refused".into()) } else { Ok(()) }));
    source.set(1);
    assert_eq!(seen.take(), [false, true]);
    set_error_handler(|_| {});
}
