//! Files that are not what they should be.

use std::fs;
use std::path::{Path, PathBuf};

use mizu_sync::{Client, Error, StoreError, Unsent};
use rusqlite::Connection;

use crate::support::Note;
use crate::{Device, PAYLOAD, assert_says, builder, nowhere};

fn open(path: &Path) -> Result<Client, Error> {
    builder(&nowhere(), path).open()
}

/// A closed file of ours with the row `kept` and its write.
fn closed() -> (tempfile::TempDir, PathBuf) {
    let Device { client, path, folder, .. } = Device::new(&nowhere());
    drop(client);
    (folder, path)
}

fn companions(path: &Path) -> Vec<String> {
    let files = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn assert_kept(path: &Path) {
    let client = open(path).unwrap();
    let kept = client.collection::<Note>("note").row("kept").unwrap().unwrap();
    assert_eq!((kept.value, kept.pending), (Note::new(PAYLOAD), true));
    assert_eq!(client.pending().unwrap().len(), 1);
}

#[test]
fn a_file_that_is_not_sqlite_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    for content in ["x", "a shopping list\n", &"SQLite format 2\0".repeat(1_000)] {
        fs::write(&path, content).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(error, Error::Store(StoreError::NotADatabase { path: path.clone() }));
        assert_says(
            &error,
            &[path.to_str().unwrap(), "choose another path", "nothing in the file was changed"],
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
        assert_eq!(companions(&path), ["a.db", "a.db-lock"]);
    }
}

#[test]
fn another_programs_sqlite_file_is_not_touched() {
    for journal in ["delete", "wal"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let other = Connection::open(&path).unwrap();
        other.pragma_update(None, "journal_mode", journal).unwrap();
        other
            .execute_batch("CREATE TABLE song (title TEXT); INSERT INTO song VALUES ('Yesterday');")
            .unwrap();
        // With the other program running, and its newest writes in the WAL, and when it has ended.
        for running in [Some(other), None] {
            let (before, files) = (fs::read(&path).unwrap(), companions(&path));
            let error = open(&path).unwrap_err();
            assert_eq!(error, Error::Store(StoreError::NotADatabase { path: path.clone() }));
            assert_says(&error, &["is not a Mizu Sync database", "nothing in the file was changed"]);
            assert!(fs::read(&path).unwrap() == before, "{journal}: the file was changed");
            let mut left = companions(&path);
            left.retain(|name| *name != "a.db-lock");
            let files: Vec<_> = files.into_iter().filter(|name| *name != "a.db-lock").collect();
            assert_eq!(left, files, "{journal}");
            drop(running);
        }
        let other = Connection::open(&path).unwrap();
        let title: String = other.query_row("SELECT title FROM song", [], |row| row.get(0)).unwrap();
        assert_eq!(title, "Yesterday");
    }
}

#[test]
fn another_programs_damaged_file_is_not_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    for damaged in [100..4_096, 16..24] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[damaged].fill(0xff);
        fs::write(&path, &bytes).unwrap();
        let error = open(&path).unwrap_err();
        assert!(
            matches!(
                error,
                Error::Store(StoreError::Corrupt { set_aside: None, .. } | StoreError::NotADatabase { .. })
            ),
            "{error:?}"
        );
        assert!(fs::read(&path).unwrap() == bytes, "the file was changed");
    }
}

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    fs::write(&path, "").unwrap();
    open(&path).unwrap().collection::<Note>("note").create("kept", Note::new(PAYLOAD)).unwrap();
    assert_kept(&path);
}

#[test]
fn a_folder_that_does_not_exist_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("a.db");
    let error = open(&path).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Io { .. })), "{error:?}");
    assert_says(&error, &[path.to_str().unwrap(), "cannot be used", "its folder does not exist"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    // A folder that is a file, and a file that is a folder.
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = open(&file.join("a.db")).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Io { .. })), "{error:?}");
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once_and_nothing_is_made_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let [fifo, null, socket, inner, link] =
        ["fifo", "null", "socket", "folder", "link"].map(|name| folder.path().join(name));
    crate::processes::make_fifo(&fifo);
    std::os::unix::fs::symlink("/dev/null", &null).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    fs::create_dir(&inner).unwrap();
    std::os::unix::fs::symlink(&fifo, &link).unwrap();
    let before = companions(&fifo);
    for path in [fifo, null, socket, inner, link] {
        let (tell, told) = std::sync::mpsc::channel();
        let asked = path.clone();
        // Aside, so that it fails where it would hang.
        std::thread::spawn(move || drop(tell.send(open(&asked).map(drop))));
        let opened = told.recv_timeout(crate::support::SOON).expect("an answer");
        let error = opened.unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::NotADatabase { .. })), "{path:?}: {error:?}");
        assert_says(&error, &["is not a Mizu Sync database", "choose another path"]);
        assert_eq!(companions(&path), before);
    }
    // Nor is anything else taken for a lock.
    let path = folder.path().join("a.db");
    let lock = folder.path().join("a.db-lock");
    crate::processes::make_fifo(&lock);
    let error = open(&path).unwrap_err();
    assert_eq!(error, Error::Store(StoreError::NotADatabase { path: lock }));
}

#[test]
fn a_file_of_a_newer_version_is_not_touched() {
    let (_folder, path) = closed();
    let newer = |version: i64| {
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", version).unwrap();
    };
    newer(99);
    let before = fs::read(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error, Error::Store(StoreError::NewerSchema { path: path.clone(), found: 99, supported: 1 }));
    assert_says(&error, &[path.to_str().unwrap(), "newer version", "99", "update the app"]);
    assert!(fs::read(&path).unwrap() == before, "the file was changed");
    newer(1);
    assert_kept(&path);
}

#[test]
fn the_file_of_another_scope_is_refused() {
    let (_folder, path) = closed();
    let error = Client::builder(&nowhere(), "user:2").database(&path).principal("ann").open().unwrap_err();
    let (found, asked) = ("user:1".to_owned(), "user:2".to_owned());
    assert_eq!(error, Error::Store(StoreError::OtherScope { path: path.clone(), found, asked }));
    assert_says(&error, &["user:1", "user:2", "use one file for each scope"]);
    assert_kept(&path);
}

#[test]
fn the_file_of_another_user_is_refused_and_nothing_in_it_is_sent() {
    let (_folder, path) = closed();
    let server = crate::server::Server::well();
    for principal in [Some("bob"), Some(""), Some("Ann"), None] {
        let builder = Client::builder(&server.url(), "user:1").database(&path);
        let builder = match principal {
            Some(principal) => builder.principal(principal),
            None => builder,
        };
        let error = builder.open().unwrap_err();
        assert_eq!(error, Error::Store(StoreError::OtherPrincipal { path: path.clone() }));
        assert_says(&error, &[path.to_str().unwrap(), "belongs to another user"]);
        assert!(!error.to_string().contains("ann "), "{error}");
    }
    assert_eq!(server.asked.requests().len(), 0);
    assert_kept(&path);
}

#[test]
fn a_damaged_file_is_set_aside_and_the_next_opening_begins_anew() {
    // Behind the header, and in the header itself.
    for damaged in [100..4_096, 16..100, 16..24, 40..100, 18..20] {
        let (_folder, path) = closed();
        let mut bytes = fs::read(&path).unwrap();
        let id: Vec<u8> = bytes[68..72].to_vec();
        for byte in &mut bytes[damaged.clone()] {
            *byte = !*byte;
        }
        // Whose file it is can still be read.
        bytes[68..72].copy_from_slice(&id);
        fs::write(&path, &bytes).unwrap();
        let error = open(&path).unwrap_err();
        let Error::Store(StoreError::Corrupt { set_aside: Some(aside), .. }) = &error else {
            panic!("{damaged:?}: {error:?}")
        };
        let shown = aside.to_str().unwrap();
        assert_says(&error, &[path.to_str().unwrap(), "is damaged", "set aside as", shown, "open again"]);
        assert!(fs::read(aside).unwrap() == bytes, "{damaged:?}: what was set aside is not what was there");
        let client = open(&path).unwrap();
        assert_eq!(client.pending().unwrap(), []);
        client.collection::<Note>("note").create("new", Note::new("a")).unwrap();
    }
}

#[test]
fn a_file_whose_damage_shows_when_its_content_is_read_is_set_aside_too() {
    let root = |table: &'static str| {
        move |connection: &Connection| {
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
            let root: u32 = connection.query_row(sql, [table], |row| row.get(0)).unwrap();
            root as usize
        }
    };
    let kinds = [
        ("a column", "ALTER TABLE replica RENAME COLUMN tag TO tig", None),
        ("a table", "DROP TABLE stage", None),
        ("a column of the queue", "ALTER TABLE mutation RENAME COLUMN state TO stote", None),
        ("text", "UPDATE replica SET scope = CAST(x'ff' AS TEXT)", None),
        ("a number", "UPDATE replica SET generation = 'x'", None),
        ("a page of the queue", "", Some(root("mutation"))),
        ("the page of what is remembered", "", Some(root("replica"))),
    ];
    for (kind, sql, page) in kinds {
        let (_folder, path) = closed();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(sql).unwrap();
        let page = page.map(|page| page(&connection));
        drop(connection);
        let mut bytes = fs::read(&path).unwrap();
        if let Some(page) = page {
            bytes[(page - 1) * 4_096..page * 4_096].fill(0xaa);
            fs::write(&path, &bytes).unwrap();
        }
        let error = open(&path).unwrap_err();
        let Error::Store(StoreError::Corrupt { set_aside: Some(aside), .. }) = &error else {
            panic!("{kind}: {error:?}")
        };
        assert_says(&error, &[path.to_str().unwrap(), "is damaged", "set aside as", "open again"]);
        assert!(fs::read(aside).unwrap() == bytes, "{kind}: what was set aside is not what was there");
        let client = open(&path).unwrap();
        assert_eq!(client.pending().unwrap(), [], "{kind}");
        client.collection::<Note>("note").create("new", Note::new("a")).unwrap();
    }
}

#[test]
fn a_file_whose_damage_shows_when_an_index_is_made_is_set_aside_too() {
    let (_folder, path) = closed();
    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'entity'";
    let page: usize = connection.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize;
    drop(connection);
    let mut bytes = fs::read(&path).unwrap();
    bytes[(page - 1) * 4_096..page * 4_096].fill(0xaa);
    fs::write(&path, &bytes).unwrap();
    let open = || builder(&nowhere(), &path).index("note", ["text"]).open();
    let error = open().unwrap_err();
    assert!(matches!(&error, Error::Store(StoreError::Corrupt { set_aside: Some(_), .. })), "{error:?}");
    let client = open().unwrap();
    client.collection::<Note>("note").create("new", Note::new("a")).unwrap();
}

#[test]
fn a_second_damaged_file_does_not_take_the_place_of_the_first() {
    let (_folder, path) = closed();
    let mut places = Vec::new();
    for _ in 0..2 {
        drop(open(&path).unwrap());
        let mut bytes = fs::read(&path).unwrap();
        bytes[100..4_096].fill(0xff);
        fs::write(&path, &bytes).unwrap();
        let error = open(&path).unwrap_err();
        let Error::Store(StoreError::Corrupt { set_aside: Some(aside), .. }) = error else {
            panic!("{error:?}")
        };
        places.push(aside);
    }
    assert!(places[0] != places[1] && places.iter().all(|place| place.exists()), "{places:?}");
}

#[test]
fn any_flipped_byte_of_the_header_is_a_typed_error_or_harmless() {
    let (_folder, path) = closed();
    let sound = fs::read(&path).unwrap();
    for place in 0..100 {
        let mut bytes = sound.clone();
        bytes[place] ^= 0x55;
        fs::write(&path, &bytes).unwrap();
        match open(&path) {
            Ok(client) => {
                // What cannot be read later is told then.
                let kept = client.collection::<Note>("note").get("kept").get();
                assert!(matches!(kept, Ok(Some(_)) | Err(Error::Store(_))), "{place}: {kept:?}");
            }
            Err(error @ Error::Store(_)) => {
                let aside = match &error {
                    Error::Store(StoreError::Corrupt { set_aside: Some(aside), .. }) => aside.clone(),
                    _ => path.clone(),
                };
                assert_says(&error, &[path.to_str().unwrap()]);
                assert!(fs::read(aside).unwrap() == bytes, "{place}: {error}");
            }
            Err(error) => panic!("{place}: {error:?}"),
        }
        for companion in ["-wal", "-shm", "-journal"] {
            let _ = fs::remove_file(format!("{}{companion}", path.display()));
        }
    }
    fs::write(&path, &sound).unwrap();
    assert_kept(&path);
}

#[test]
fn damage_that_is_found_later_is_told_where_it_is_found() {
    let Device { client, path, folder, .. } = Device::empty(&nowhere());
    let notes = client.collection::<Note>("note");
    client
        .batch(|batch| {
            (0..500).try_for_each(|n| batch.create(&notes, &format!("{n:03}"), &Note::new(&"x".repeat(200))))
        })
        .unwrap();
    drop(client);
    let mut bytes = fs::read(&path).unwrap();
    // Everything but the first page, which has the schema.
    bytes[4_096..].fill(0xaa);
    fs::write(&path, &bytes).unwrap();
    let error = match open(&path) {
        Err(error) => error,
        Ok(client) => client.collection::<Note>("note").all().unwrap_err(),
    };
    assert!(matches!(error, Error::Store(StoreError::Corrupt { .. })), "{error:?}");
    assert_says(&error, &[path.to_str().unwrap(), "is damaged"]);
    drop(folder);
}

#[test]
fn one_damaged_mutation_is_rejected_and_holds_up_nothing() {
    let server = crate::server::Server::well();
    let (_folder, path) = closed();
    let client = builder(&server.url(), &path).open().unwrap();
    for id in ["b", "c"] {
        client.collection::<Note>("note").create(id, Note::new("a")).unwrap();
    }
    drop(client);
    let connection = Connection::open(&path).unwrap();
    let sql = "UPDATE patch SET body = CAST(x'7b2274657874223a22ff227d' AS TEXT) WHERE id = 'b'";
    assert_eq!(connection.execute(sql, []).unwrap(), 1);
    drop(connection);
    let (tell, told) = std::sync::mpsc::channel();
    let client =
        builder(&server.url(), &path).on_rejected(move |refused| drop(tell.send(refused))).open().unwrap();
    assert_eq!(client.pending().unwrap().len(), 3);
    client.start().unwrap();
    client.sync(crate::support::SOON).unwrap();
    let refused = told.recv_timeout(crate::support::SOON).unwrap();
    assert_eq!((&*refused.name, &*refused.code), ("note.create", "damaged"));
    assert!(refused.error.contains("discard it"), "{}", refused.error);
    assert_eq!(client.rejected().unwrap(), std::slice::from_ref(&refused));
    client.discard(&refused.id).unwrap();
    assert_eq!((client.pending().unwrap(), client.rejected().unwrap()), (vec![], vec![]));
}

#[test]
fn a_file_that_is_open_is_not_opened_twice() {
    let device = Device::new(&nowhere());
    let error = open(&device.path).unwrap_err();
    assert_eq!(error, Error::Store(StoreError::AlreadyOpen { path: device.path.clone() }));
    assert_says(&error, &[device.path.to_str().unwrap(), "already open", "use one client for both"]);
    device.assert_kept();
    device.assert_intact();
}

#[cfg(unix)]
#[test]
fn a_file_is_not_opened_twice_under_several_names() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    symlink(&data, folder.path().join("folder-link")).unwrap();
    // They hang in the air until the file is made.
    symlink("data/a.db", folder.path().join("link")).unwrap();
    symlink(folder.path().join("link"), folder.path().join("link-to-link")).unwrap();
    let names = ["data/a.db", "folder-link/a.db", "link", "link-to-link", "data/../link"];
    for first in names {
        let client = open(&folder.path().join(first)).unwrap();
        for second in names {
            let error = open(&folder.path().join(second)).unwrap_err();
            assert!(
                matches!(error, Error::Store(StoreError::AlreadyOpen { .. })),
                "{first} {second}: {error:?}"
            );
        }
        assert_eq!(companions(&data.join("a.db")), ["a.db", "a.db-lock", "a.db-shm", "a.db-wal"]);
        client.wipe(Unsent::Refuse).unwrap();
        assert_eq!(companions(&data.join("a.db")), ["a.db-lock"]);
    }
    symlink("circle", folder.path().join("circle")).unwrap();
    let error = open(&folder.path().join("circle")).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Io { .. })), "{error:?}");
    let error = open(&folder.path().join("link").join("b.db")).unwrap_err();
    assert!(matches!(error, Error::Store(StoreError::Io { .. })), "{error:?}");
}

#[test]
fn a_wipe_keeps_what_is_unsent_or_undecided() {
    let server = crate::server::Server::well();
    let device = Device::new(&server.url());
    let error = device.client.wipe(Unsent::Refuse).unwrap_err();
    assert_eq!(error, Error::Unsent { pending: 1, rejected: 0 });
    assert_says(&error, &["1 mutation is not sent: ", "sync first, or let the wipe lose them"]);
    device.assert_kept();
    server.limit_pushes(10);
    device.client.start().unwrap();
    device.rejected.recv_timeout(crate::support::SOON).unwrap();
    assert_eq!(device.client.wipe(Unsent::Refuse), Err(Error::Unsent { pending: 0, rejected: 1 }));
    assert_eq!(device.client.rejected().unwrap().len(), 1);
    device.client.wipe(Unsent::Lose).unwrap();
    assert!(!device.path.exists());
}
