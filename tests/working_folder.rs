//! A file named by a relative path, in a process that changes its folder. Alone in its program, because the folder is
//! the process's.

mod support;

use std::env::set_current_dir;
use std::path::Path;

use mizu_sync::{Client, Error, StoreError, Unsent};
use support::Note;

fn open(path: &str) -> Result<Client, Error> {
    Client::builder("https://api.example.com/_sync", "user:1").database(path).open()
}

#[test]
fn a_relative_path_means_the_same_file_for_the_life_of_the_client() {
    let companions = |folder: &Path| {
        let files = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = folders.each_ref().map(|folder| folder.path().canonicalize().unwrap());
    set_current_dir(&second).unwrap();
    drop(open("a.db").unwrap());
    let other = companions(&second);

    set_current_dir(&first).unwrap();
    let client = open("a.db").unwrap();
    set_current_dir(&second).unwrap();
    let notes = client.collection::<Note>("note");
    notes.create("kept", Note::new("a")).unwrap();
    assert!(notes.has("kept").unwrap(), "a reader that is opened later reads the same file");
    client.pause().unwrap();
    client.resume().unwrap();
    assert!(notes.has("kept").unwrap());
    let error = open(first.join("a.db").to_str().unwrap()).unwrap_err();
    assert_eq!(error, Error::Store(StoreError::AlreadyOpen { path: first.join("a.db") }));
    client.wipe(Unsent::Lose).unwrap();
    assert_eq!(companions(&first), ["a.db-lock"]);
    assert_eq!(companions(&second), other, "another file was touched");

    // What SQLite takes for no file at all.
    if cfg!(unix) {
        drop(open(":memory:").unwrap());
        assert!(second.join(":memory:").exists());
    }
    let error = open("").unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Io { .. })), "{error:?}");
    set_current_dir("/").unwrap();
}
