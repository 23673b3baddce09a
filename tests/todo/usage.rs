//! Wrong usage ends with 2, and is told apart from a failure by that.

use crate::cli::{Device, sentence};

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let device = Device::new();
    for arguments in [
        &[][..],
        &["bogus"],
        &["add"],
        &["add", ""],
        &["add", " \t"],
        &["add", "--id", "", "Milk"],
        &["add", "Milk", "Bread"],
        &["list", "--yaml"],
        &["done"],
        &["edit", "milk"],
        &["edit", "milk", ""],
        &["edit", "milk", "  "],
        &["mutate", "list.archive"],
        &["mutate", "list.archive", "{before:1}"],
        &["mutate", "", "{}"],
        &["import"],
        &["sync", "--timeout", "soon"],
        &["sync", "--timeout", "-5"],
        &["retry"],
    ] {
        let ran = device.run(arguments);
        assert_eq!((ran.code(), ran.stdout().as_str()), (2, ""), "{arguments:?}");
        assert!(!ran.stderr().is_empty(), "{arguments:?}");
    }
    assert!(!device.file("todos.db").exists(), "a wrong command line leaves no trace");
}

#[test]
fn an_option_that_is_not_valid_ends_with_2_and_a_sentence() {
    let device = Device::new();
    for (arguments, about) in [
        (["list", "--url", "nowhere"], "URL"),
        (["list", "--url", "http://example.com/_sync"], "http"),
        (["list", "--scope", ""], "scope"),
        (["list", "--token", "two\nlines"], "token"),
    ] {
        let ran = device.run(&arguments);
        assert_eq!(ran.code(), 2, "{arguments:?}");
        assert!(sentence(&ran.stderr()).contains(about), "{arguments:?}: {}", ran.stderr());
    }
}

#[test]
fn what_must_not_be_empty_is_said_in_a_sentence() {
    let device = Device::new();
    for (arguments, sentence) in [
        (&["add", ""][..], "the title must not be empty"),
        (&["add", " \t\u{a0}"], "the title must not be empty"),
        (&["edit", "milk", " "], "the title must not be empty"),
        (&["add", "--id", "", "Milk"], "the id must not be empty"),
        (&["list", "--db="], "the name of the file must not be empty"),
    ] {
        let ran = device.run_bare(arguments);
        assert_eq!(ran.code(), 2, "{arguments:?}");
        assert!(ran.stderr().contains(sentence), "{arguments:?}: {}", ran.stderr());
    }
}

#[test]
fn a_timeout_without_a_unit_is_in_seconds() {
    let device = Device::new();
    let told = device.run(&["sync", "--timeout", "0", "--url", "http://127.0.0.1:1/_sync"]).failed();
    assert!(told.contains("after 0 s"), "{told}");
    assert!(device.ok(&["sync", "--help"]).contains("seconds"));
}

#[test]
fn cleartext_goes_to_another_machine_only_when_it_is_allowed() {
    let device = Device::new();
    let list = ["list", "--url", "http://example.com/_sync"];
    assert!(sentence(&device.run(&list).stderr()).contains("--allow-cleartext"));
    assert_eq!(device.ok(&[&list[..], &["--allow-cleartext"]].concat()), "");
}

#[test]
fn every_argument_is_explained() {
    let device = Device::new();
    for (command, words) in [
        ("add", &["<TITLE>  ", "An id of your own"][..]),
        ("done", &["<ID>  "]),
        ("edit", &["<ID>  ", "<TITLE>  "]),
        ("rm", &["<ID>  "]),
        ("mutate", &["<NAME>  ", "<JSON>  "]),
        ("retry", &["<ID>  "]),
        ("discard", &["<ID>  "]),
    ] {
        let help = device.ok(&[command, "-h"]);
        assert!(words.iter().all(|word| help.contains(word)), "{help}");
    }
    assert!(device.ok(&["import", "--help"]).contains("stops at the first line"));
    assert!(device.ok(&["status", "--help"]).contains("\"online\" is false"));
}

#[test]
fn the_help_names_the_exit_codes() {
    let help = Device::new().ok(&["--help"]);
    assert!(help.contains("Exit codes: 0 ") && help.contains(" 1 ") && help.contains(" 2 "), "{help}");
}

#[test]
fn the_help_names_every_command_and_succeeds() {
    let help = Device::new().ok(&["--help"]);
    for command in [
        "add", "list", "done", "edit", "rm", "mutate", "import", "sync", "status", "rejected", "retry",
        "discard",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
}
