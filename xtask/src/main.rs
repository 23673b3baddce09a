//! The project's own commands: `cargo xtask` lists them.

mod bindings;
mod cargo;
mod counts;
mod paths;
mod run;
mod step;
mod summary;

use std::env;
use std::process::ExitCode;

use step::{STEPS, Step};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test              run every step, and sum up
  test STEP…        run these steps only
  test --list       name the steps
  bindings          build the native library, and generate the Kotlin side of it
";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Request<'a> {
    Help,
    List,
    Test(Vec<&'a str>),
    Bindings,
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
        Request::Unclear => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn request<'a>(arguments: &[&'a str]) -> Request<'a> {
    match arguments {
        ["help", ..] => Request::Help,
        _ if arguments.iter().any(|argument| ["--help", "-h"].contains(argument)) => Request::Help,
        ["test", "--list"] => Request::List,
        ["bindings"] => Request::Bindings,
        ["test", names @ ..] => Request::Test(names.to_vec()),
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
    STEPS.iter().map(|step| format!("  {:width$}  {}\n", step.name, step.about)).collect()
}

/// The steps with these names, in the order in which they are best run; all of them where none is named.
fn selected<'a>(names: &[&'a str]) -> Result<Vec<&'static Step>, &'a str> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(unknown);
    }
    Ok(STEPS.iter().filter(|step| names.is_empty() || names.contains(&step.name)).collect())
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
    }

    #[test]
    fn no_name_selects_every_step() {
        assert_eq!(selected(&[]).unwrap().len(), STEPS.len());
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
