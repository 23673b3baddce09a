//! The test's arguments: its own, and those of the usual test harness that others may give to all tests.

pub const USAGE: &str = "\
usage: kills [--cycles N] [--seed N] [--planted] [--list] [--exact] [NAME…]

  --cycles N   how many; 200 unless told, 60 with a planted bug
  --seed N     that chooses the moments
  --planted    only that planted bugs are found, which needs the feature planted-bugs
  NAME         only the tests whose names hold it";

#[derive(Default)]
pub struct Arguments {
    pub cycles: Option<u32>,
    pub list: bool,
    seed: Option<u64>,
    planted: bool,
    ignored: bool,
    exact: bool,
    names: Vec<String>,
    skipped: Vec<String>,
}

impl Arguments {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let (name, mut value) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (argument.as_str(), None),
            };
            let mut value =
                || value.take().or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"));
            match name {
                "--cycles" => parsed.cycles = Some(number(name, &value()?)?),
                "--seed" => parsed.seed = Some(number(name, &value()?)?),
                "--planted" => parsed.planted = true,
                "--list" => parsed.list = true,
                "--exact" => parsed.exact = true,
                "--ignored" => parsed.ignored = true,
                "--skip" => parsed.skipped.push(value()?),
                "--test-threads" | "--format" | "--color" => drop(value()?),
                "--nocapture" | "--no-capture" | "--show-output" | "--include-ignored" | "--quiet" | "-q" => {
                }
                _ if name.starts_with('-') => return Err(format!("{name} is not known")),
                _ => parsed.names.push(argument),
            }
        }
        if parsed.planted && !cfg!(feature = "planted-bugs") {
            return Err("--planted needs the feature planted-bugs".to_owned());
        }
        Ok(parsed)
    }

    /// Whether a test is to be run.
    pub fn chooses(&self, test: &str, planted: bool) -> bool {
        let matches = |name: &String| if self.exact { test == name } else { test.contains(name) };
        // None of these tests is one that is usually ignored.
        !self.ignored
            && (planted || !self.planted)
            && (self.names.is_empty() || self.names.iter().any(matches))
            && !self.skipped.iter().any(matches)
    }

    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000))
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{name} needs a number, not {text:?}"))
}
