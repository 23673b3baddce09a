//! Two processes and one file, and files that this user may not write.
//!
//! The other process is this test program again, told by the environment to run [`other_process`] only.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mizu_sync::{Error, StoreError};

use crate::{Device, assert_says, builder, nowhere};

/// A process that is being started has this one's open files for a moment, a program that is being copied among
/// them, which then cannot be run.
static STARTING: Mutex<()> = Mutex::new(());

const TASK: &str = "MIZU_SYNC_TEST_OPENS";

/// Opens the file in the environment, says how that went, and holds it until it is told to end.
#[test]
fn other_process() {
    let Some(path) = std::env::var_os(TASK) else { return };
    let opened = builder(&nowhere(), Path::new(&path)).open();
    match &opened {
        Ok(_) => println!("\nresult: opened"),
        Err(error) => println!("\nresult: {error} | {error:?}"),
    }
    let _ = std::io::stdin().read(&mut [0]);
}

fn starting() -> MutexGuard<'static, ()> {
    STARTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pipe with a name, which blocks whoever opens it.
#[cfg(unix)]
pub fn make_fifo(path: &Path) {
    let _starting = starting();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

struct Other {
    child: Child,
    /// Open for as long as the process lives: it would not get to its end otherwise.
    output: BufReader<ChildStdout>,
    result: String,
}

impl Other {
    fn opens(path: &Path) -> Self {
        Self::run(&mut Command::new(std::env::current_exe().unwrap()), path, &starting())
    }

    fn run(command: &mut Command, path: &Path, _: &MutexGuard<'_, ()>) -> Self {
        let mut child = command
            .args(["processes::other_process", "--exact", "--nocapture", "--test-threads=1"])
            .env(TASK, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut lines = output.by_ref().lines().map(Result::unwrap);
        let result = lines.find_map(|line| line.strip_prefix("result: ").map(str::to_owned));
        let result = result.expect("the other process says how it went");
        Self { child, output, result }
    }

    fn end(mut self) {
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
        self.output.read_to_string(&mut String::new()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_file_that_this_process_has_is_refused_to_another_one() {
    let device = Device::new(&nowhere());
    let other = Other::opens(&device.path);
    assert!(other.result.contains("is already open in another client"), "{}", other.result);
    assert!(other.result.contains("AlreadyOpen"), "{}", other.result);
    other.end();
    device.assert_kept();
    device.assert_intact();
}

#[test]
fn a_file_that_another_process_has_is_refused_until_that_one_is_dead() {
    let Device { client, path, folder, .. } = Device::new(&nowhere());
    drop(client);
    let other = Other::opens(&path);
    assert_eq!(other.result, "opened");
    let error = builder(&nowhere(), &path).open().unwrap_err();
    assert_eq!(error, Error::Store(StoreError::AlreadyOpen { path: path.clone() }));
    other.kill();
    let client = builder(&nowhere(), &path).open().unwrap();
    assert_eq!(client.pending().unwrap().len(), 1);
    drop((client, folder));
}

/// A process that is being started shares the files of this one, locks and all, until its program runs.
#[test]
#[cfg(unix)]
fn a_closed_file_is_free_at_once_also_while_processes_are_started() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let enough = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !enough.load(Ordering::SeqCst) {
                    let _starting = starting();
                    assert!(Command::new("true").status().unwrap().success());
                }
            });
        }
        let opened: Vec<_> = (0..100).map(|_| builder(&nowhere(), &path).open().map(drop)).collect();
        enough.store(true, Ordering::SeqCst);
        assert_eq!(opened.iter().filter_map(|result| result.as_ref().err()).next(), None);
    });
}

/// The kernel's own files: nobody can make one there, not even root.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_nobody_can_write_to_is_read_only() {
    let path = PathBuf::from("/sys/mizu-sync.db");
    let error = builder(&nowhere(), &path).open().unwrap_err();
    assert_eq!(error, Error::Store(StoreError::ReadOnly { path }));
    assert_says(&error, &["/sys/mizu-sync.db", "cannot be written", "read-only"]);
}

/// Permissions do not bind root. There, another process opens the file as the user `nobody`.
#[cfg(unix)]
fn opened_by_a_mere_user(path: &Path) -> String {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65_534;
    let folder = path.parent().unwrap();
    if fs::metadata(folder).unwrap().uid() != 0 {
        let other = Other::opens(path);
        let result = other.result.clone();
        other.end();
        return result;
    }
    // Where this program stands, `nobody` may not be let in.
    let starting = starting();
    let programs = tempfile::tempdir().unwrap();
    let program = programs.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    for open in [programs.path(), &program] {
        fs::set_permissions(open, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let other = Other::run(Command::new(&program).uid(NOBODY).gid(NOBODY).current_dir("/"), path, &starting);
    drop(starting);
    let result = other.result.clone();
    other.end();
    result
}

#[test]
#[cfg(unix)]
fn a_file_or_folder_that_the_user_may_not_write_is_read_only() {
    use std::os::unix::fs::PermissionsExt;

    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let Device { client, path, folder, .. } = Device::new(&nowhere());
    drop(client);
    let lock = PathBuf::from(format!("{}-lock", path.display()));
    // The modes of the folder, the file and its lock.
    for (of_folder, of_file, of_lock) in [(0o555, 0o444, 0o444), (0o777, 0o444, 0o666), (0o555, 0o666, 0o666)]
    {
        let before = fs::read(&path).unwrap();
        set(&path, of_file);
        set(&lock, of_lock);
        set(folder.path(), of_folder);
        let result = opened_by_a_mere_user(&path);
        assert!(result.contains("ReadOnly"), "{of_folder:o} {of_file:o} {of_lock:o}: {result}");
        assert!(result.contains("cannot be written: it, or its folder, is read-only"), "{result}");
        set(folder.path(), 0o755);
        assert!(fs::read(&path).unwrap() == before, "the file was changed");
    }
    set(&path, 0o644);
    set(&lock, 0o644);
    let client = builder(&nowhere(), &path).open().unwrap();
    assert_eq!(client.pending().unwrap().len(), 1);
    drop(client);
}
