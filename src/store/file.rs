//! The database file: its lock, its opening, and what happens to a damaged one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::StoreError;
use super::schema;

/// Where a store keeps its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In a file, with `-wal`, `-shm` and `-lock` beside it.
    File(PathBuf),
    /// In memory, gone when the store is dropped.
    Memory,
}

impl Location {
    /// The path for messages.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Memory => Path::new("the database in memory"),
        }
    }
}

/// Links that are followed to a file that is not there yet, as SQLite does.
const MOST_LINKS: usize = 100;

/// The one name of the file at `path`, which need not exist: SQLite follows links, so two names of one file must not
/// have two locks.
///
/// # Errors
/// When its folder does not exist, or nobody can say what it is.
pub fn real_path(path: &Path) -> Result<PathBuf, StoreError> {
    let mut named = path.to_owned();
    for _ in 0..MOST_LINKS {
        match named.canonicalize() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            found => return found.map_err(|error| StoreError::from_io(path, &error)),
        }
        let (Some(folder), Some(name)) = (named.parent(), named.file_name()) else { break };
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = folder.canonicalize().map_err(|error| missing_folder(path, &error))?;
        named = folder.join(name);
        // A link to a file that is not there.
        match std::fs::read_link(&named) {
            Ok(target) => named = folder.join(target),
            Err(_) => return Ok(named),
        }
    }
    Err(StoreError::Io { path: path.to_owned(), reason: "it is no file's name".to_owned() })
}

/// The error for a file that cannot be made.
fn missing_folder(path: &Path, error: &std::io::Error) -> StoreError {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            let reason = "its folder does not exist, make it first".to_owned();
            StoreError::Io { path: path.to_owned(), reason }
        }
        _ => StoreError::from_io(path, error),
    }
}

/// The right to use a database file, among all processes. Released when dropped, or when the process dies.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Takes the lock of the database at `path`, which need not exist. It must be the [`real_path`].
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] when another client has it.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let lock = with_suffix(path, "-lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(|error| missing_folder(path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(StoreError::AlreadyOpen { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(StoreError::from_io(path, &error)),
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is just being started shares it until it has begun.
        let _ = self.0.unlock();
    }
}

/// Refuses what is there and no file: a folder, a pipe, a device. To open a pipe may take for ever. Called before
/// anything is opened or made.
///
/// # Errors
/// [`StoreError::NotADatabase`].
pub fn require_regular(path: &Path) -> Result<(), StoreError> {
    for path in [path.to_owned(), with_suffix(path, "-lock")] {
        // What cannot be asked for is told when it is opened.
        if std::fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(StoreError::NotADatabase { path });
        }
    }
    Ok(())
}

/// Opens the connection that writes, and brings the schema up to date. The caller holds the [`FileLock`].
///
/// # Errors
/// See [`StoreError`]. A damaged database is set aside; a file of another kind is left as it is.
pub fn open_writer(location: &Location) -> Result<Connection, StoreError> {
    let path = location.path();
    let mut connection = match location {
        Location::Memory => {
            let connection = Connection::open_in_memory().and_then(|connection| {
                keep_statements(&connection)?;
                Ok(connection)
            });
            connection.map_err(|error| StoreError::from_sqlite(path, &error))?
        }
        Location::File(path) => {
            let ours = read_head(path)? == Head::Ours;
            open_file(path, ours).map_err(|error| match error {
                StoreError::Corrupt { reason, .. } if ours => set_aside(path, reason),
                other => other,
            })?
        }
    };
    match schema::migrate(&mut connection, path) {
        Err(StoreError::Corrupt { reason, .. }) => {
            drop(connection);
            Err(set_aside(path, reason))
        }
        Err(error) => Err(error),
        Ok(()) => Ok(connection),
    }
}

/// Opens the file, if it is one of ours or a new one. Nothing is written before that is known. `ours`: whether it
/// is marked so in its first bytes.
fn open_file(path: &Path, ours: bool) -> Result<Connection, StoreError> {
    let sqlite = |error| StoreError::from_sqlite(path, &error);
    // What SQLite refuses to read and is marked as ours is damaged, whatever it calls it.
    let unreadable = |error: rusqlite::Error| match StoreError::from_sqlite(path, &error) {
        StoreError::NotADatabase { path } if ours => {
            StoreError::Corrupt { path, reason: error.to_string(), set_aside: None }
        }
        StoreError::Io { path, reason } if ours && error.sqlite_error_code() == Some(ErrorCode::Unknown) => {
            StoreError::Corrupt { path, reason, set_aside: None }
        }
        other => other,
    };
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE);
    let connection = connection.map_err(unreadable)?;
    // The last connection that closes writes the WAL into the file, also into another program's.
    let wal = std::fs::metadata(with_suffix(path, "-wal")).is_ok_and(|wal| wal.len() > 0);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, wal).map_err(sqlite)?;
    schema::identify(&connection).map_err(unreadable)?.check(path)?;
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(sqlite)? {
        // SQLite opens what it may only read, and fails at the first write.
        return Err(StoreError::ReadOnly { path: path.to_owned() });
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(sqlite)?;
    configure(&connection).map_err(sqlite)?;
    Ok(connection)
}

/// Opens a connection that reads.
///
/// # Errors
/// See [`StoreError`].
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let open = || {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        configure(&connection)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    };
    open().map_err(|error| StoreError::from_sqlite(path, &error))
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // First of all: the change to WAL may have to wait for a reader that is just closing.
    connection.busy_timeout(Duration::from_secs(5))?;
    Ok(connection)
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    // On Apple's systems a plain fsync leaves the data in the drive's cache.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    keep_statements(connection)
}

/// Statements are prepared once. Without the stability guarantee the planner looks at bound values, and SQLite
/// prepares a statement anew whenever another one is bound.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Head {
    /// A database that is marked as ours.
    Ours,
    /// None, an empty one, or a database: of another program, or a new one whose mark is still in its WAL.
    Unmarked,
}

/// A file that does not begin as SQLite files do is somebody else's: it is neither changed nor moved.
fn read_head(path: &Path) -> Result<Head, StoreError> {
    const MAGIC: &[u8] = b"SQLite format 3\0";
    /// Where the header has `application_id`, big-endian.
    const MARK: std::ops::Range<usize> = 68..72;
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Head::Unmarked),
        Err(error) => return Err(StoreError::from_io(path, &error)),
    };
    let mut head = Vec::with_capacity(MARK.end);
    let read = file.by_ref().take(MARK.end as u64).read_to_end(&mut head);
    read.map_err(|error| StoreError::from_io(path, &error))?;
    if !head.is_empty() && !head.starts_with(MAGIC) {
        return Err(StoreError::NotADatabase { path: path.to_owned() });
    }
    let ours = head.get(MARK) == Some(&schema::APPLICATION_ID.to_be_bytes());
    Ok(if ours { Head::Ours } else { Head::Unmarked })
}

/// Renames the database and its companions to the first free name, so that nothing of it is lost.
pub fn set_aside(path: &Path, reason: String) -> StoreError {
    let free = (1_u32..).map(|number| with_suffix(path, &format!(".damaged-{number}")));
    let target = free.into_iter().find(|target| !target.exists());
    let moved = target.filter(|target| std::fs::rename(path, target).is_ok());
    if let Some(target) = &moved {
        for companion in ["-wal", "-shm"] {
            // It may not be there.
            let _ = std::fs::rename(with_suffix(path, companion), with_suffix(target, companion));
        }
    }
    StoreError::Corrupt { path: path.to_owned(), reason, set_aside: moved }
}

/// Deletes the database and its companions. The lock's file stays: another client may be waiting for it.
///
/// # Errors
/// When one that is there cannot be deleted.
pub fn delete(path: &Path) -> Result<(), StoreError> {
    for file in [path.to_owned(), with_suffix(path, "-wal"), with_suffix(path, "-shm")] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::from_io(path, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
