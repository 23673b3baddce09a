//! Files and folders; the errors are one sentence.

use std::fs;
use std::io;
use std::path::Path;

/// Says what could not be done with a path.
pub fn trouble(verb: &str, path: &Path, error: &io::Error) -> String {
    format!("could not {verb} {}: {error}", path.display())
}

/// Makes a folder with those above it, if it is not there.
pub fn folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| trouble("make", path, &error))
}

/// Writes a file.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| trouble("write", path, &error))
}

/// Moves a file or a folder within a file system, in one step.
pub fn rename(from: &Path, to: &Path) -> Result<(), String> {
    fs::rename(from, to).map_err(|error| trouble("make", to, &error))
}

/// Removes a folder with all that is in it, if it is there.
pub fn remove_folder(path: &Path) -> Result<(), String> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(trouble("remove", path, &error)),
        _ => Ok(()),
    }
}

/// Makes a link to `original` at `path`.
#[cfg(unix)]
pub fn link(original: &Path, path: &Path) -> Result<(), String> {
    std::os::unix::fs::symlink(original, path).map_err(|error| trouble("link", path, &error))
}

/// Makes a link to `original` at `path`.
#[cfg(not(unix))]
pub fn link(_original: &Path, path: &Path) -> Result<(), String> {
    Err(trouble("link", path, &io::ErrorKind::Unsupported.into()))
}

/// A program that runs `command` with the arguments it is given. Whoever calls it meanwhile finds the old or the new.
#[cfg(unix)]
pub fn script(path: &Path, command: &[&str]) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;

    let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    let part = path.with_extension(format!("{}.part", std::process::id()));
    write(&part, &format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" ")))?;
    fs::set_permissions(&part, fs::Permissions::from_mode(0o755))
        .map_err(|error| trouble("make executable", &part, &error))?;
    rename(&part, path)
}

/// A program that runs `command` with the arguments it is given.
#[cfg(not(unix))]
pub fn script(path: &Path, _command: &[&str]) -> Result<(), String> {
    Err(trouble("write", path, &io::ErrorKind::Unsupported.into()))
}

/// One word for the shell, whatever is in it.
#[cfg(unix)]
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::super::tool;
    use super::*;

    #[test]
    fn a_script_hands_on_its_words_and_its_arguments_as_they_are() {
        let folder = std::env::temp_dir().join(format!("mizu xtask's {}", std::process::id()));
        super::folder(&folder).unwrap();
        let path = folder.join("say");
        script(&path, &["printf", "%s|", "it's", "$HOME"]).unwrap();
        let told = tool::output(Command::new(&path).args(["a b", "\"c\"", ""]));
        remove_folder(&folder).unwrap();
        assert_eq!(told.unwrap(), "it's|$HOME|a b|\"c\"||");
    }
}
