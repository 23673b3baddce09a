//! The project's own commands: `cargo xtask` lists them.

mod counts;
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
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["test", "--list"] => {
            list();
            ExitCode::SUCCESS
        }
        ["test", names @ ..] => match selected(names) {
            Ok(steps) => test(&steps),
            Err(unknown) => {
                eprintln!("there is no step {unknown:?}; cargo xtask test --list names them");
                ExitCode::from(2)
            }
        },
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn list() {
    let width = STEPS.iter().map(|step| step.name.len()).max().unwrap_or_default();
    for step in STEPS {
        println!("{:width$}  {}", step.name, step.about);
    }
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
