//! That all parts have one version, as a release needs it.

use std::fs;

use crate::paths;

/// Where the version stands beside the workspace's own, and what is before and behind it.
const PLACES: [(&str, &str, &str); 8] = [
    ("bindings/kotlin/pom.xml", "<version>", "</version>"),
    ("android/check/pom.xml", "<version>", "</version>"),
    ("android/check/androidx/pom.xml", "<version>", "</version>"),
    ("android/check/library/pom.xml", "<version>", "</version>"),
    ("android/check/sample/pom.xml", "<version>", "</version>"),
    ("android/check/shrink/pom.xml", "<version>", "</version>"),
    ("android/library/build.gradle.kts", "version = \"", "\""),
    ("docs/android.md", "dev.mizu:mizu-sync-android:", "\""),
];

fn read(path: &str) -> String {
    fs::read_to_string(paths::root().join(path)).unwrap()
}

/// The first that stands between the two.
fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(behind).map(|(found, _)| found)
}

#[test]
fn all_parts_have_one_version() {
    let workspace = read("Cargo.toml");
    let version = between(&workspace, "\nversion = \"", "\"").unwrap();
    for (path, before, behind) in PLACES {
        assert_eq!(between(&read(path), before, behind), Some(version), "{path}");
    }
    for package in ["mizu-sync-protocol", "mizu-sync-server"] {
        let found = between(&workspace, &format!("{package} = {{ path ="), "}").unwrap();
        assert_eq!(between(found, "version = \"", "\""), Some(version), "{package}");
    }
}
