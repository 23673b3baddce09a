//! What is printed at the end: a table, and the line that counts.

use std::fmt::Write as _;

use crate::counts::{Count, Part};
use crate::run::Outcome;

/// The table of all steps, and last, alone on its line, `N passed, N failed`: tests and steps together.
pub fn text(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.step.name.len()).max().unwrap_or_default();
    let mut text = format!("\n{:width$}  result  seconds  counted\n", "step");
    for outcome in outcomes {
        let result = if outcome.passed() { "ok" } else { "FAILED" };
        let seconds = outcome.took.as_secs_f64();
        let total = counted(outcome.counts.total());
        let row = format!("{:width$}  {result:6}  {seconds:7.1}  {total}", outcome.step.name);
        line(&mut text, row.trim_end());
        if let Some(failure) = &outcome.failure {
            line(&mut text, &format!("{:width$}    {failure}", ""));
        }
        for part in several(outcome.counts.parts()) {
            line(&mut text, &format!("{:width$}    {}: {}", "", part.name, counted(part.count)));
        }
    }
    let (passed, failed) = totals(outcomes);
    line(&mut text, &format!("\n{passed} passed, {failed} failed"));
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// The parts, where there is more than the whole to tell.
fn several<'a>(parts: impl Iterator<Item = &'a Part>) -> Vec<&'a Part> {
    let parts: Vec<&Part> = parts.collect();
    if parts.len() > 1 { parts } else { Vec::new() }
}

fn counted(Count { passed, failed, ignored }: Count) -> String {
    let numbers = [(passed, "passed"), (failed, "failed"), (ignored, "ignored")];
    let told = numbers.iter().filter(|(number, _)| *number > 0);
    told.map(|(number, what)| format!("{number} {what}")).collect::<Vec<_>>().join(", ")
}

fn totals(outcomes: &[Outcome]) -> (u64, u64) {
    outcomes.iter().fold((0, 0), |(passed, failed), outcome| {
        let Count { passed: more, failed: worse, .. } = outcome.counts.total();
        let well = u64::from(outcome.passed());
        (passed + more + well, failed + worse + (1 - well))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::counts::Counts;
    use crate::step::{Program, Step};

    const STEP: Step = Step {
        program: Program::Cargo,
        name: "tests",
        about: "",
        arguments: &[],
        environment: &[],
        has_tests: true,
        only_by_name: false,
    };

    fn outcome(lines: &[&str], failure: Option<&str>) -> Outcome {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.line(line));
        let failure = failure.map(str::to_owned);
        Outcome { step: &STEP, failure, took: Duration::from_millis(1300), counts }
    }

    #[test]
    fn the_last_line_counts_tests_and_steps() {
        let outcomes = [outcome(&["2 passed, 1 failed"], Some("exit status: 101")), outcome(&[], None)];
        let text = text(&outcomes);
        assert_eq!(text.lines().last(), Some("3 passed, 2 failed"));
        assert!(text.contains("exit status: 101"), "{text}");
    }

    #[test]
    fn a_row_tells_the_result_the_seconds_and_the_count() {
        let text = text(&[outcome(&["2 passed, 0 failed, 1 skipped"], None)]);
        assert!(text.contains("tests  ok          1.3  2 passed, 1 ignored\n"), "{text}");
    }

    #[test]
    fn parts_are_told_where_there_are_several() {
        let lines = ["Doc-tests a", "2 passed, 0 failed", "Doc-tests b", "3 passed, 0 failed"];
        let text = text(&[outcome(&lines, None)]);
        assert!(text.contains("a (docs): 2 passed\n") && text.contains("b (docs): 3 passed\n"), "{text}");
    }
}
