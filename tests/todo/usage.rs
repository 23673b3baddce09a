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
        &["add", "--id", "", "Milk"],
        &["add", "Milk", "Bread"],
        &["list", "--yaml"],
        &["done"],
        &["edit", "milk"],
        &["edit", "milk", ""],
        &["mutate", "list.archive"],
        &["mutate", "list.archive", "{before:1}"],
        &["mutate", "", "{}"],
        &["import"],
        &["sync", "--timeout", "soon"],
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
fn the_help_names_every_command_and_succeeds() {
    let help = Device::new().ok(&["--help"]);
    for command in [
        "add", "list", "done", "edit", "rm", "mutate", "import", "sync", "status", "rejected", "retry",
        "discard",
    ] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}");
    }
}
