//! What is printed at the end: a row for each target, and the line that counts.

use std::time::Duration;

use super::target::Target;

/// What came of a target.
pub struct Outcome {
    /// Which.
    pub target: &'static Target,
    /// Why it failed or was not checked, if so.
    pub failure: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Outcome {
    /// Whether the SDK was checked, and compiles.
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// The rows, and last, alone on its line, `N passed, N failed`.
pub fn text(outcomes: &[Outcome]) -> String {
    let width = outcomes.iter().map(|outcome| outcome.target.name.len()).max().unwrap_or_default();
    let rows: String = outcomes.iter().map(|outcome| row(outcome, width)).collect();
    let passed = outcomes.iter().filter(|outcome| outcome.passed()).count();
    format!(
        "\n{:width$}  result  seconds\n{rows}\n{passed} passed, {} failed\n",
        "target",
        outcomes.len() - passed
    )
}

fn row(Outcome { target, failure, took }: &Outcome, width: usize) -> String {
    let result = if failure.is_none() { "ok" } else { "FAILED" };
    let why = failure.as_ref().map_or(String::new(), |why| format!("  {why}\n"));
    format!("{:width$}  {result:6}  {:7.1}\n{why}", target.name, took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mobile::target::TARGETS;

    #[test]
    fn each_target_has_a_row_and_the_last_line_counts() {
        let outcome = |target, failure: Option<&str>| Outcome {
            target,
            failure: failure.map(str::to_owned),
            took: Duration::from_millis(1300),
        };
        let text = text(&[outcome(&TARGETS[0], None), outcome(&TARGETS[1], Some("no compiler"))]);
        assert!(text.contains("aarch64-linux-android  ok          1.3\n"), "{text}");
        assert!(text.contains("aarch64-apple-ios      FAILED      1.3\n  no compiler\n"), "{text}");
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed"));
    }
}
