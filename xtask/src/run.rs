//! Running one step: its output is shown as it comes, and read for counts on the way.

use std::ffi::OsStr;
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::cargo;
use crate::counts::{Count, Counts};
use crate::step::{Program, Step};

/// How long the output of a step that has ended is waited for. A process that it left behind may hold it.
const LEFT_BEHIND: Duration = Duration::from_secs(10);

/// What came of a step.
pub struct Outcome {
    /// Which.
    pub step: &'static Step,
    /// Why it failed, if it did.
    pub failure: Option<String>,
    /// How long it took.
    pub took: Duration,
    /// What it counted.
    pub counts: Counts,
}

impl Outcome {
    /// Whether it ran, and all was well.
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// Runs a step to its end.
pub fn run(step: &'static Step) -> Outcome {
    println!("\n== {}: {} {}", step.name, step.program.name(), step.arguments.join(" "));
    let start = Instant::now();
    let (failure, counts) = match finish(step) {
        Ok((failure, counts)) => (failure.or_else(|| judge(step, counts.total())), counts),
        Err(error) => (Some(format!("did not run: {error}")), Counts::default()),
    };
    Outcome { step, failure, took: start.elapsed(), counts }
}

/// What the exit code does not tell: a filter that matches nothing succeeds too.
fn judge(step: &Step, total: Count) -> Option<String> {
    if total.failed > 0 {
        return Some(format!("{} tests failed", total.failed));
    }
    (step.has_tests && total.passed == 0).then(|| "ran no test".to_owned())
}

/// Why a program did not start, and what to do where it is not there.
fn missing(program: Program, error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            let (name, how) = (program.name(), program.how_to_get());
            io::Error::new(io::ErrorKind::NotFound, format!("{name} is missing: {how}"))
        }
        _ => error,
    }
}

/// Runs it; gives why it failed, and what it counted.
fn finish(step: &Step) -> io::Result<(Option<String>, Counts)> {
    // One pipe for both, so that the lines stay in their order.
    let (reader, writer) = io::pipe()?;
    let mut child = {
        // The writers are closed with the command: the reader must see the end of the output.
        let mut command = match step.program {
            Program::Cargo => cargo::command(),
            Program::Maven => cargo::other(OsStr::new(step.program.name())),
        };
        command.args(step.arguments).envs(step.environment.iter().copied());
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        command.spawn().map_err(|error| missing(step.program, error))?
    };
    let (sender, shown) = mpsc::channel();
    thread::spawn(move || {
        let mut counts = Counts::default();
        let result = show(reader, &mut counts);
        // Nobody listens any more once the step has been given up.
        let _ = sender.send((result, counts));
    });
    let status = child.wait()?;
    let failure = (!status.success()).then(|| status.to_string());
    match shown.recv_timeout(LEFT_BEHIND) {
        Ok((result, counts)) => result.map(|()| (failure, counts)),
        Err(_) => {
            let left = "a process that it started is still running".to_owned();
            Ok((failure.or(Some(left)), Counts::default()))
        }
    }
}

/// Copies the output line by line.
fn show(output: PipeReader, counts: &mut Counts) -> io::Result<()> {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    while output.read_until(b'\n', &mut line)? > 0 {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.flush()?;
        counts.line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TESTS: Step = Step {
        name: "tests",
        about: "",
        program: Program::Cargo,
        arguments: &[],
        environment: &[],
        has_tests: true,
        only_by_name: false,
    };
    const CHECK: Step = Step { has_tests: false, ..TESTS };

    #[test]
    fn whoever_has_no_maven_is_told_how_to_get_it() {
        let told = missing(Program::Maven, io::ErrorKind::NotFound.into()).to_string();
        assert!(told.contains("mvn is missing") && told.contains("apt install maven"), "{told}");
    }

    #[test]
    fn a_step_with_tests_that_ran_none_has_failed() {
        assert_eq!(judge(&TESTS, Count::default()).as_deref(), Some("ran no test"));
        assert_eq!(judge(&CHECK, Count::default()), None);
    }

    #[test]
    fn a_step_that_counts_a_failed_test_has_failed_whatever_its_exit_code() {
        let count = Count { passed: 2, failed: 1, ignored: 0 };
        assert_eq!(judge(&CHECK, count).as_deref(), Some("1 tests failed"));
    }
}
