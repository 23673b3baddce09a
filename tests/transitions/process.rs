//! What the process is seen to have from outside, and a limit on everything that might hang.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Held by all who have clients; by those alone who count what the process has.
static PROCESS: RwLock<()> = RwLock::new(());

/// For a test that has clients.
pub fn shared() -> RwLockReadGuard<'static, ()> {
    PROCESS.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that counts what they leave behind.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    PROCESS.write().unwrap_or_else(PoisonError::into_inner)
}

/// Longer than anything takes that does not hang.
pub const HANGS: Duration = Duration::from_secs(20);

/// What `work` gives; or what it panicked with, or that it hangs with what the client's threads are doing. A thread that
/// hangs is left behind.
pub fn within<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    let (tell, told) = mpsc::sync_channel(1);
    let worker = thread::spawn(move || {
        // Whoever waits may have given up.
        let _ = tell.send(work());
    });
    match told.recv_timeout(HANGS) {
        Ok(done) => Ok(done),
        Err(RecvTimeoutError::Disconnected) => {
            let panic = worker.join().err();
            let text = panic.as_ref().and_then(|panic| {
                let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
                text.or_else(|| panic.downcast_ref::<String>().cloned())
            });
            Err(format!("panicked: {}", text.unwrap_or_default()))
        }
        Err(RecvTimeoutError::Timeout) => {
            Err(format!("hangs; the clients have {} threads: {:?}", threads().len(), counted(threads())))
        }
    }
}

/// How many there are of each.
fn counted(names: Vec<String>) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    names.into_iter().for_each(|name| *counted.entry(name).or_default() += 1);
    counted
}

/// Checks each cell of a table, some at once; a hang of one does not keep the others from being checked. Fails with all
/// that failed, a line each.
#[track_caller]
pub fn assert_each<T: Debug + Copy + Send + 'static>(cells: Vec<T>, check: fn(T) -> Result<(), String>) {
    let (next, failed) = (Mutex::new(cells.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(cell) = next.lock().unwrap().next() else { return };
                    if let Err(reason) = within(move || check(cell)).and_then(|checked| checked) {
                        failed.lock().unwrap().push(format!("{cell:?}: {reason}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} cells failed:\n{}", failed.len(), failed.join("\n"));
}

/// Cells that are checked at once: they wait for disks and other threads.
const AT_ONCE: usize = 4;

/// The names of the clients' threads in this process.
#[cfg(target_os = "linux")]
pub fn threads() -> Vec<String> {
    let mut names: Vec<String> = tasks().into_iter().map(|task| task.name).collect();
    names.sort_unstable();
    names
}

#[cfg(not(target_os = "linux"))]
pub fn threads() -> Vec<String> {
    Vec::new()
}

/// A thread of a client.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub name: String,
    /// How often it went to sleep by itself: each time somebody has woken it.
    pub sleeps: u64,
}

#[cfg(target_os = "linux")]
pub fn tasks() -> Vec<Task> {
    let entries = std::fs::read_dir("/proc/self/task").unwrap();
    let task = |folder: std::path::PathBuf| {
        // It may end meanwhile.
        let status = std::fs::read_to_string(folder.join("status")).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let name = field("Name:")?.to_owned();
        let sleeps = field("voluntary_ctxt_switches:")?.parse().ok()?;
        // Not those of a server, which may be in this process too.
        let is_clients = name.starts_with("mizu-") && !name.starts_with("mizu-sync-");
        is_clients.then_some(Task { name, sleeps })
    };
    entries.filter_map(|entry| task(entry.ok()?.path())).collect()
}

/// Waits until no thread of a client is left. Those that are, if that does not come to pass.
pub fn left_threads() -> Vec<String> {
    let start = Instant::now();
    loop {
        let left = threads();
        if left.is_empty() || start.elapsed() > Duration::from_secs(10) {
            return left;
        }
        // A thread that has been told to end may need the processor for it.
        thread::sleep(Duration::from_millis(1));
    }
}

/// What of this folder the process holds open.
pub fn open_files(folder: &std::path::Path) -> Vec<String> {
    // Where there is no such thing, nothing is seen.
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let links = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.starts_with(folder)).map(|link| link.display().to_string()).collect()
}
