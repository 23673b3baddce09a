//! Calling the machine's own programs.

use std::io::ErrorKind;
use std::process::{Command, Output, Stdio};

/// Runs a program to its end; gives what it printed. The error is one sentence.
pub fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => format!("there is no {name} on this machine"),
        _ => format!("{name} did not start: {error}"),
    })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{name} failed ({}): {}", output.status, reason(&output)))
    }
}

/// Whether a program is there and succeeds.
pub fn succeeds(command: &[&str]) -> bool {
    let [program, arguments @ ..] = command else { return false };
    output(Command::new(program).args(arguments)).is_ok()
}

/// The first line that is marked as an error, else the last: what stands around it are warnings and consequences.
fn reason(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let marked = lines.iter().find(|line| line.starts_with("E: ") || line.starts_with("ERROR: "));
    marked.or(lines.last()).map_or_else(|| "it did not say why".to_owned(), |line| (*line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = output(&mut Command::new("no-such-program-of-mizu")).unwrap_err();
        assert_eq!(error, "there is no no-such-program-of-mizu on this machine");
        assert!(!succeeds(&["no-such-program-of-mizu"]));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_fails_is_quoted_with_its_error_or_its_last_words() {
        let error = |script: &str| output(Command::new("sh").args(["-c", script])).unwrap_err();
        let script = "echo out; echo 'W: old' >&2; echo 'E: gone' >&2; echo 'E: so I stop' >&2; exit 3";
        assert_eq!(error(script), "sh failed (exit status: 3): E: gone");
        assert_eq!(error("echo first >&2; echo last >&2; exit 3"), "sh failed (exit status: 3): last");
        assert_eq!(error("exit 3"), "sh failed (exit status: 3): it did not say why");
    }
}
