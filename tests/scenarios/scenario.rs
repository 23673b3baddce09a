//! Scenarios as data: read from their files, and checked before any of them runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A row of the table of the public API.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiRow {
    pub row: String,
    #[allow(dead_code, reason = "for whoever reads the file")]
    what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence of what holds.
    pub name: String,
    /// The rows of the API that it is about.
    pub covers: Vec<String>,
    /// The promises under faults that it shows.
    #[serde(default)]
    pub promises: Vec<String>,
    pub needs: Needs,
    pub steps: Vec<Value>,
}

/// What a scenario needs to sync with.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Needs {
    Nothing,
    /// Any server.
    Server,
    /// One that does what it is told.
    Script,
}

/// Where a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Alone,
    Scripted,
    Process,
}

pub const PLACES: [(Place, &str); 3] =
    [(Place::Alone, "alone"), (Place::Scripted, "scripted"), (Place::Process, "process")];

impl Needs {
    pub const fn places(self) -> &'static [Place] {
        match self {
            Self::Nothing => &[Place::Alone],
            Self::Server => &[Place::Scripted, Place::Process],
            Self::Script => &[Place::Scripted],
        }
    }
}

/// All that is there.
pub struct Suite {
    pub rows: Vec<ApiRow>,
    pub scenarios: Vec<Scenario>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

impl Suite {
    pub fn read() -> Result<Self, String> {
        let mut scenarios = Vec::new();
        let entries = fs::read_dir(folder()).map_err(|error| error.to_string())?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "json")) {
            if !file.ends_with("api.json") {
                scenarios.extend(parse::<Vec<Scenario>>(file)?);
            }
        }
        Ok(Self { rows: parse(&folder().join("api.json"))?, scenarios })
    }

    /// What is wrong with the scenarios themselves.
    pub fn faults(&self) -> Result<Vec<String>, String> {
        let known: BTreeSet<&str> = self.rows.iter().map(|row| row.row.as_str()).collect();
        let (mut faults, mut names, mut used) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for scenario in &self.scenarios {
            let Scenario { name, covers, needs, steps, .. } = scenario;
            let mut fault = |text: String| faults.push(format!("{name:?} {text}"));
            if !names.insert(name) {
                fault("is there twice".to_owned());
            }
            if covers.is_empty() {
                fault("covers no row of the API".to_owned());
            }
            covers.iter().filter(|row| !known.contains(row.as_str())).for_each(|row| {
                fault(format!("covers {row:?}, which is no row of api.json"));
            });
            let mut steps_of_it = BTreeSet::new();
            steps.iter().for_each(|step| collect_steps(step, &mut steps_of_it));
            let is_scripted = steps_of_it.iter().any(|step| step.starts_with("server."));
            if is_scripted != (*needs == Needs::Script) {
                fault("needs a script, or says so, and not both".to_owned());
            }
            used.extend(steps_of_it);
        }
        for (row, counts) in self.coverage() {
            if counts.values().sum::<usize>() == 0 {
                faults.push(format!("no scenario covers the row {row:?} of the API"));
            }
        }
        let documented = documented_steps()?;
        faults.extend(
            used.difference(&documented).map(|step| format!("README.md does not tell of the step {step:?}")),
        );
        faults.extend(documented.difference(&used).map(|step| format!("no scenario has the step {step:?}")));
        Ok(faults)
    }

    /// For each row how many scenarios cover it, by where they run.
    pub fn coverage(&self) -> Vec<(&str, BTreeMap<Place, usize>)> {
        let count = |row: &str| {
            let mut counts = BTreeMap::new();
            for scenario in self.scenarios.iter().filter(|one| one.covers.iter().any(|it| it == row)) {
                scenario.needs.places().iter().for_each(|place| *counts.entry(*place).or_default() += 1);
            }
            counts
        };
        self.rows.iter().map(|row| (row.row.as_str(), count(&row.row))).collect()
    }

    /// How many scenarios cover a row.
    pub fn count(&self, row: &str) -> usize {
        self.scenarios.iter().filter(|scenario| scenario.covers.iter().any(|it| it == row)).count()
    }
}

fn parse<T: DeserializeOwned>(file: &Path) -> Result<T, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// The names of a step and of those in it.
fn collect_steps(json: &Value, names: &mut BTreeSet<String>) {
    match json {
        Value::Object(fields) => {
            if let Some(Value::String(name)) = fields.get("do") {
                names.insert(name.clone());
            }
            fields.values().for_each(|value| collect_steps(value, names));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_steps(value, names)),
        _ => {}
    }
}

/// The steps that README.md has in its tables: in the first cell of a row, in backquotes.
fn documented_steps() -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(folder().join("README.md")).map_err(|error| error.to_string())?;
    let (_, tables) = text.split_once("\n## Steps\n").ok_or("README.md has no chapter of steps")?;
    let first_cells = tables.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    Ok(first_cells
        .flat_map(|cell| cell.split(['`', ' ']))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}
