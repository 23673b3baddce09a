//! What is downloaded is kept in the user's cache: `$XDG_CACHE_HOME/mizu-sync`, or `~/.cache/mizu-sync`.
//!
//! An entry is there as a whole or not at all. Its name says all that it depends on, so it is never changed: what is
//! needed otherwise gets another name. Whoever needs the room may delete the folder at any time.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::files;

/// An entry while it is made.
pub struct Making {
    /// What becomes the entry.
    pub new: PathBuf,
    /// Room for what is needed on the way.
    pub work: PathBuf,
    /// Where the entry will be.
    pub entry: PathBuf,
}

/// The entry of this name. Where it is not there yet, `make` fills it.
pub fn entry(name: &str, make: impl FnOnce(&Making) -> Result<(), String>) -> Result<PathBuf, String> {
    entry_in(&folder(env::var_os)?, name, make)
}

fn folder(variable: impl Fn(&'static str) -> Option<std::ffi::OsString>) -> Result<PathBuf, String> {
    let given = variable("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let users = || Some(PathBuf::from(variable("HOME")?).join(".cache"));
    let cache = given.or_else(users).ok_or("there is no folder for caches: set HOME or XDG_CACHE_HOME")?;
    Ok(cache.join("mizu-sync"))
}

fn entry_in(
    cache: &Path,
    name: &str,
    make: impl FnOnce(&Making) -> Result<(), String>,
) -> Result<PathBuf, String> {
    let entry = cache.join(name);
    if entry.exists() {
        return Ok(entry);
    }
    files::folder(cache)?;
    // One makes it, others wait. The system opens the lock when its holder ends, however it does.
    let lock = cache.join(format!("{name}.lock"));
    let lock = File::create(&lock).map_err(|error| files::trouble("write", &lock, &error))?;
    lock.lock().map_err(|error| format!("could not lock {name} in the cache: {error}"))?;
    if entry.exists() {
        return Ok(entry);
    }
    let part = cache.join(format!("{name}.part"));
    // One that was killed has left it.
    files::remove_folder(&part)?;
    let making = Making { new: part.join("new"), work: part.join("work"), entry };
    let made = finish(&making, make);
    // If it stays, the next one removes it.
    let _ = fs::remove_dir_all(&part);
    made.map(|()| making.entry)
}

fn finish(making: &Making, make: impl FnOnce(&Making) -> Result<(), String>) -> Result<(), String> {
    files::folder(&making.new)?;
    files::folder(&making.work)?;
    make(making)?;
    files::rename(&making.new, &making.entry)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    /// Runs it in a folder of its own.
    fn in_a_folder(name: &str, test: impl FnOnce(&Path)) {
        let folder = env::temp_dir().join(format!("mizu-xtask-{name}-{}", std::process::id()));
        files::folder(&folder).unwrap();
        test(&folder);
        files::remove_folder(&folder).unwrap();
    }

    #[test]
    fn an_entry_is_made_once() {
        in_a_folder("once", |cache| {
            let make = |making: &Making| files::write(&making.new.join("file"), "text");
            let entry = entry_in(cache, "entry", make).unwrap();
            assert_eq!(fs::read_to_string(entry.join("file")).unwrap(), "text");
            assert_eq!(entry_in(cache, "entry", |_| panic!("made again")).unwrap(), entry);
        });
    }

    #[test]
    fn what_failed_or_was_killed_leaves_no_entry_and_nothing_to_the_next() {
        in_a_folder("failed", |cache| {
            let fail = |making: &Making| {
                files::write(&making.new.join("half"), "")?;
                Err("no".to_owned())
            };
            assert_eq!(entry_in(cache, "entry", fail).unwrap_err(), "no");
            assert!(!cache.join("entry").exists() && !cache.join("entry.part").exists());

            files::folder(&cache.join("entry.part/new/half")).unwrap();
            let entry = entry_in(cache, "entry", |_| Ok(())).unwrap();
            assert!(!entry.join("half").exists() && !cache.join("entry.part").exists());
        });
    }

    #[test]
    fn the_folder_is_where_the_user_keeps_caches() {
        let with = |cache: Option<&str>, home: Option<&str>| {
            let (cache, home) = (cache.map(OsString::from), home.map(OsString::from));
            folder(move |name| if name == "HOME" { home.clone() } else { cache.clone() })
        };
        assert_eq!(with(Some("/c"), Some("/h")), Ok(PathBuf::from("/c/mizu-sync")));
        assert_eq!(with(None, Some("/h")), Ok(PathBuf::from("/h/.cache/mizu-sync")));
        // Its specification says to ignore one that is not absolute.
        assert_eq!(with(Some("c"), Some("/h")), Ok(PathBuf::from("/h/.cache/mizu-sync")));
        assert!(with(None, None).is_err());
    }
}
