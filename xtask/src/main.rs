//! The project's own commands: `cargo xtask` lists them.

mod bindings;
mod cargo;
mod counts;
mod mobile;
mod paths;
mod run;
mod step;
mod summary;
mod swift;
#[cfg(test)]
mod versions;

use std::env;
use std::process::ExitCode;

use step::{STEPS, Step};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test              run every step but those that must be named, and sum up
  test STEP…        run these steps only
  test --list       name the steps
  bindings          build the native library, and generate the Kotlin and Swift sides of it
  swift             lint and test the Swift API
  swift ARGUMENT…   call SwiftPM, which finds the native library
  xcframework       build the library for Apple's platforms, on a Mac
  mobile-check      type-check the SDK for Android and iOS
";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    Help,
    List,
    Test(Vec<&'a str>),
    Bindings,
    Swift(&'a [&'a str]),
    Xcframework,
    MobileCheck,
    /// By a build script in the check above: see `mobile::c_compiler`.
    CompileC(&'a [&'a str]),
    /// Nothing that makes sense.
    Unclear,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match request(&arguments) {
        Request::Help => say(&help()),
        Request::List => say(&list()),
        Request::Test(names) => match selected(&names) {
            Ok(steps) => test(&steps),
            Err(unknown) => {
                eprintln!("there is no step {unknown:?}; cargo xtask test --list names them");
                ExitCode::from(2)
            }
        },
        Request::Bindings => match bindings::generate() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("the bindings could not be made: {error}");
                ExitCode::FAILURE
            }
        },
        Request::Swift(arguments) => swift::call(arguments),
        Request::Xcframework => swift::xcframework(),
        Request::MobileCheck => mobile::check(),
        Request::CompileC(arguments) => mobile::compile_c(arguments),
        Request::Unclear => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn request<'a>(arguments: &'a [&'a str]) -> Request<'a> {
    match arguments {
        // First: what follows is a compiler's.
        [mobile::COMPILE_C, arguments @ ..] => Request::CompileC(arguments),
        ["swift", arguments @ ..] => Request::Swift(arguments),
        ["help", ..] => Request::Help,
        _ if arguments.iter().any(|argument| ["--help", "-h"].contains(argument)) => Request::Help,
        ["test", "--list"] => Request::List,
        ["bindings"] => Request::Bindings,
        ["xcframework"] => Request::Xcframework,
        ["test", names @ ..] => Request::Test(names.to_vec()),
        ["mobile-check"] => Request::MobileCheck,
        _ => Request::Unclear,
    }
}

fn say(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

fn help() -> String {
    format!("{USAGE}\nThe steps:\n\n{}\nExit codes: 0 all is well, 1 a step failed, 2 wrong usage.\n", list())
}

/// The steps, one a line.
fn list() -> String {
    let width = STEPS.iter().map(|step| step.name.len()).max().unwrap_or_default();
    let line = |step: &Step| {
        let when = if step.only_by_name { " (only when named)" } else { "" };
        format!("  {:width$}  {}{when}\n", step.name, step.about)
    };
    STEPS.iter().map(line).collect()
}

/// The steps with these names, in the order in which they are best run. Where none is named, all but those that must
/// be.
fn selected<'a>(names: &[&'a str]) -> Result<Vec<&'static Step>, &'a str> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(unknown);
    }
    let chosen =
        |step: &&Step| if names.is_empty() { !step.only_by_name } else { names.contains(&step.name) };
    Ok(STEPS.iter().filter(chosen).collect())
}

/// Runs the steps, also after one that failed.
fn test(steps: &[&'static Step]) -> ExitCode {
    let outcomes: Vec<_> = steps.iter().map(|step| run::run(step)).collect();
    print!("{}", summary::text(&outcomes));
    if outcomes.iter().all(run::Outcome::passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_asks_for_help_anywhere_gets_a_list_of_the_steps() {
        for arguments in [&["--help"][..], &["-h"], &["help"], &["test", "--help"], &["test", "lint", "-h"]] {
            assert_eq!(request(arguments), Request::Help, "{arguments:?}");
        }
        let help = help();
        assert!(STEPS.iter().all(|step| help.contains(step.name) && help.contains(step.about)), "{help}");
    }

    #[test]
    fn steps_are_run_or_listed_and_nothing_is_guessed() {
        assert_eq!(request(&["test"]), Request::Test(vec![]));
        assert_eq!(request(&["test", "lint", "docs"]), Request::Test(vec!["lint", "docs"]));
        assert_eq!(request(&["test", "--list"]), Request::List);
        assert_eq!(request(&[]), Request::Unclear);
        assert_eq!(request(&["tests"]), Request::Unclear);
        assert_eq!(request(&["mobile-check"]), Request::MobileCheck);
        assert_eq!(request(&["mobile-check", "tests"]), Request::Unclear);
    }

    #[test]
    fn flags_of_a_compiler_are_not_taken_for_ours() {
        let arguments = [mobile::COMPILE_C, "zig", "--help", "-h"];
        assert_eq!(request(&arguments), Request::CompileC(&["zig", "--help", "-h"]));
    }

    #[test]
    fn no_name_selects_every_step_but_those_that_must_be_named() {
        let chosen = selected(&[]).unwrap();
        assert_eq!(chosen.len(), STEPS.len() - 1);
        assert!(chosen.iter().all(|step| step.name != "mobile-check"));
        assert_eq!(selected(&["mobile-check"]).unwrap().len(), 1);
    }

    #[test]
    fn names_select_their_steps_in_the_order_of_the_list() {
        let names = [STEPS[1].name, STEPS[0].name];
        let chosen: Vec<&str> = selected(&names).unwrap().iter().map(|step| step.name).collect();
        assert_eq!(chosen, [STEPS[0].name, STEPS[1].name]);
    }

    #[test]
    fn a_name_that_no_step_has_is_told() {
        assert!(matches!(selected(&[STEPS[0].name, "nonsense"]), Err("nonsense")));
    }
}
