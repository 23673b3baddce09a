//! How many tests a step ran, read from what it printed.

/// What the test runners in one output counted.
#[derive(Debug, Default)]
pub struct Counts {
    parts: Vec<Part>,
    /// What is running: cargo names it before it starts it.
    running: String,
}

/// What one of them counted.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The test binary, or the crate whose documentation was tested. Empty where cargo did not tell.
    pub name: String,
    /// What its last line said.
    pub count: Count,
}

/// Numbers of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// That passed.
    pub passed: u64,
    /// That failed.
    pub failed: u64,
    /// That were left out on purpose.
    pub ignored: u64,
}

impl Counts {
    /// Takes the next line of the output.
    pub fn line(&mut self, line: &str) {
        // What a program prints that Maven runs.
        let line = line.trim().split_once("[exec] ").map_or(line, |(_, printed)| printed).trim();
        if let Some(name) = part_name(line) {
            self.running = name;
        } else if let Some(part) = surefire(line).or_else(|| swift_testing(line)) {
            self.parts.push(part);
        } else if let Some(count) = libtest(line).or_else(|| closing(line)) {
            // `simulator: 8 passed, 1 failed` says whose it is.
            let named =
                line.split_once(": ").filter(|_| !line.starts_with("test result")).map(|(name, _)| name);
            let name = named.unwrap_or(&self.running).to_owned();
            self.parts.push(Part { name, count });
        }
    }

    /// The runners that had any test, in order.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.count != Count::default())
    }

    /// All of them together.
    pub fn total(&self) -> Count {
        self.parts.iter().fold(Count::default(), |total, Part { count, .. }| Count {
            passed: total.passed + count.passed,
            failed: total.failed + count.failed,
            ignored: total.ignored + count.ignored,
        })
    }
}

/// What cargo is about to run: `Running tests/kills.rs (target/debug/deps/kills-0123456789abcdef)` is `kills`,
/// `Doc-tests mizu_sync` is `mizu_sync (docs)`.
fn part_name(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name} (docs)"));
    }
    let (source, binary) = line.strip_prefix("Running ")?.strip_suffix(')')?.split_once(" (")?;
    let file = binary.rsplit(['/', '\\']).next()?.trim_end_matches(".exe");
    let (name, _hash) = file.rsplit_once('-')?;
    Some(if source.starts_with("unittests ") { format!("{name} (units)") } else { name.to_owned() })
}

/// The last line of a test binary: `test result: ok. 3 passed; 0 failed; 1 ignored; …`
fn libtest(line: &str) -> Option<Count> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split(';');
    Some(Count {
        passed: number(counts.next()?, "passed")?,
        failed: number(counts.next()?, "failed")?,
        ignored: number(counts.next()?, "ignored")?,
    })
}

/// The last line of any other runner: `3 passed, 0 failed`, perhaps with `, 1 skipped` behind it and one word
/// with a colon before it.
fn closing(line: &str) -> Option<Count> {
    let counts = match line.split_once(": ") {
        Some((word, _)) if word.contains(char::is_whitespace) => return None,
        Some((_, counts)) => counts,
        None => line,
    };
    let mut counts = counts.split(", ");
    let count = Count {
        passed: number(counts.next()?, "passed")?,
        failed: number(counts.next()?, "failed")?,
        ignored: counts.next().map_or(Some(0), |skipped| number(skipped, "skipped"))?,
    };
    counts.next().is_none().then_some(count)
}

/// What Maven prints after each class: `Tests run: 3, Failures: 0, Errors: 0, Skipped: 1, Time elapsed: 1 s -- in Name`.
/// The line without a name is the sum of all.
fn surefire(line: &str) -> Option<Part> {
    let (_, line) = line.split_once("Tests run: ")?;
    let (numbers, name) = line.split_once(" -- in ")?;
    let mut numbers = numbers.split(", ").map(|part| part.rsplit(' ').next()?.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    let (run, failures, errors, ignored) = (next()?, next()?, next()?, next()?);
    let failed = failures + errors;
    let count = Count { passed: run.checked_sub(failed + ignored)?, failed, ignored };
    Some(Part { name: name.rsplit('.').next()?.to_owned(), count })
}

/// What Swift Testing prints last: `✔ Test run with 3 tests passed after 1.2 seconds.`, or `failed after … with 2 issues.`
fn swift_testing(line: &str) -> Option<Part> {
    let (_, counts) = line.split_once("Test run with ")?;
    let (tests, result) = counts.split_once(" tests ").or_else(|| counts.split_once(" test "))?;
    let tests: u64 = tests.parse().ok()?;
    // A test that fails has an issue at least.
    let failed = match result.split_once(" with ") {
        Some((_, issues)) => issues.split(' ').next()?.parse::<u64>().ok()?.clamp(1, tests.max(1)),
        None => u64::from(!result.starts_with("passed")),
    };
    let count = Count { passed: tests.saturating_sub(failed), failed, ignored: 0 };
    Some(Part { name: "swift".to_owned(), count })
}

/// The number in `3 passed`.
fn number(text: &str, what: &str) -> Option<u64> {
    text.trim().strip_suffix(what)?.strip_suffix(' ')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(passed: u64, failed: u64, ignored: u64) -> Count {
        Count { passed, failed, ignored }
    }

    #[test]
    fn the_last_line_of_a_test_binary_is_counted() {
        let line =
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.02s";
        assert_eq!(libtest(line), Some(count(12, 0, 1)));
        let line =
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s";
        assert_eq!(libtest(line), Some(count(2, 1, 0)));
    }

    #[test]
    fn a_plain_closing_line_is_counted() {
        assert_eq!(closing("5000 passed, 0 failed"), Some(count(5000, 0, 0)));
        assert_eq!(closing("simulator: 8 passed, 1 failed, 2 skipped"), Some(count(8, 1, 2)));
    }

    #[test]
    fn each_class_of_kotlin_tests_is_counted_and_the_sum_of_them_is_not() {
        let line = "[INFO] Tests run: 4, Failures: 0, Errors: 1, Skipped: 1, Time elapsed: 0.892 s <<< FAILURE! -- in \
                    dev.mizu.sync.SyncTest";
        assert_eq!(surefire(line), Some(Part { name: "SyncTest".to_owned(), count: count(2, 1, 1) }));
        assert_eq!(surefire("[INFO] Tests run: 4, Failures: 0, Errors: 1, Skipped: 1"), None);
    }

    #[test]
    fn tests_of_swift_are_counted() {
        let part = |passed, failed| Some(Part { name: "swift".to_owned(), count: count(passed, failed, 0) });
        assert_eq!(swift_testing("✔ Test run with 30 tests passed after 7.0 seconds."), part(30, 0));
        assert_eq!(swift_testing("✔ Test run with 1 test passed after 7.0 seconds."), part(1, 0));
        let failed = "✘ Test run with 30 tests failed after 7.182 seconds with 2 issues.";
        assert_eq!(swift_testing(failed), part(28, 2));
        let failed = "✘ Test run with 2 tests failed after 7.182 seconds with 28 issues.";
        assert_eq!(swift_testing(failed), part(0, 2));
        assert_eq!(swift_testing("◇ Test run started."), None);
    }

    #[test]
    fn what_maven_runs_is_counted_like_what_is_run_by_itself() {
        let mut counts = Counts::default();
        counts.line("[INFO]      [exec] smoke: 7 passed, 0 failed\n");
        assert_eq!(counts.total(), count(7, 0, 0));
    }

    #[test]
    fn other_lines_are_not_counted() {
        for line in [
            "",
            "test a_test ... ok",
            "all 3 passed, 0 failed",
            "of these all: 3 passed, 0 failed",
            "3 passed",
            "3 passed, 0 failed, 1 skipped, 2 lost",
            "3 passed, some failed",
            "test result: ok",
        ] {
            assert_eq!(libtest(line).or_else(|| closing(line)), None, "{line:?}");
        }
    }

    #[test]
    fn a_part_is_named_after_its_binary_or_crate() {
        let name = part_name;
        assert_eq!(
            name("Running unittests src/lib.rs (target/debug/deps/mizu_sync-0a1b2c3d4e5f6071)").as_deref(),
            Some("mizu_sync (units)")
        );
        assert_eq!(
            name(r"Running tests\kills.rs (target\debug\deps\kills-0a1b2c3d4e5f6071.exe)").as_deref(),
            Some("kills")
        );
        assert_eq!(name("Doc-tests mizu_sync").as_deref(), Some("mizu_sync (docs)"));
        assert_eq!(name("Running `target/debug/examples/quickstart`"), None);
    }

    #[test]
    fn parts_are_counted_each_and_together() {
        let mut counts = Counts::default();
        for line in [
            "     Running unittests src/lib.rs (target/debug/deps/mizu_sync-0a1b)\n",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            "     Running tests/empty.rs (target/debug/deps/empty-0a1b)\n",
            "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
            "   Doc-tests mizu_sync\n",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n",
        ] {
            counts.line(line);
        }
        let names: Vec<&str> = counts.parts().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["mizu_sync (units)", "mizu_sync (docs)"]);
        assert_eq!(counts.total(), count(3, 1, 0));
    }
}
