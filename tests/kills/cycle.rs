//! One cycle: an import and a sync at the same time, each killed at its moment, and perhaps the server with them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::device::Device;
use crate::plan::{Feed, Moment, Plan, ServerKill};
use crate::processes::server::ServerProcess;
use crate::victim::{End, PATIENCE, Victim};

/// What an import has done until it was killed.
pub struct Imported {
    /// Printed in full, in order.
    pub ids: Vec<String>,
    /// Lines that it was given in full.
    pub given: usize,
    pub killed: bool,
}

impl Imported {
    /// Whether it was killed between its first and its last id.
    pub fn in_flight(&self) -> bool {
        self.killed && !self.ids.is_empty() && self.ids.len() < self.given
    }
}

/// What a sync has done until it was killed.
#[derive(Default)]
pub struct Synced {
    /// Pushes that the server's log shows before the kill.
    pub pushes: usize,
    pub killed: bool,
    pub server_killed: bool,
    /// Whether the client still ran when the server was killed.
    pub server_had_client: bool,
}

/// Runs both to their ends.
pub fn run(
    plan: &Plan,
    (importer, titles): (&Device, &[String]),
    syncer: &Device,
    server: &mut ServerProcess,
    import_arguments: &[&str],
) -> Result<(Imported, Synced), String> {
    thread::scope(|scope| {
        let syncing = scope.spawn(|| sync(plan, syncer, server));
        let imported = import(plan, importer, titles, import_arguments);
        let synced = syncing.join().map_err(|_| "the thread of a sync panicked".to_owned())?;
        Ok((imported?, synced?))
    })
}

fn import(plan: &Plan, device: &Device, titles: &[String], arguments: &[&str]) -> Result<Imported, String> {
    let mut command = device.command(&["import", "-"]);
    command.args(arguments);
    let mut victim = Victim::start(command);
    let (stdin, stdout) = (victim.stdin(), victim.stdout());
    thread::scope(|scope| {
        // The pipe stays open until after the kill, so that the import never ends by itself.
        let feeding = scope.spawn(|| feed(stdin, titles, plan.feed));
        let (printed, ids) = channel();
        let reading = scope.spawn(move || read_ids(stdout, |id| printed.send(id).is_ok()));
        let mut before = Vec::new();
        let waited = match plan.import {
            Moment::Anywhere(after) => {
                thread::sleep(after);
                Ok(())
            }
            Moment::Working { steps, then } => {
                let waited = take_ids(&ids, steps.min(titles.len()), &mut before);
                thread::sleep(then);
                waited
            }
        };
        let end = victim.kill();
        before.extend(ids.iter());
        let fed = feeding.join().map_err(|_| "the feeder panicked".to_owned())?;
        reading.join().map_err(|_| "the reader panicked".to_owned())?;
        match end {
            End::Failed(reason) => return Err(format!("import: {reason}")),
            End::Finished => return Err("an import ended although its pipe was open".to_owned()),
            End::Killed => waited?,
        }
        Ok(Imported { ids: before, given: fed.0, killed: true })
    })
}

/// Writes the lines until they are all written or nobody reads them. Gives how many were written in full, and
/// the open pipe.
fn feed(mut stdin: ChildStdin, titles: &[String], feed: Feed) -> (usize, ChildStdin) {
    let mut given = 0;
    for chunk in titles.chunks(feed.chunk) {
        let lines: String = chunk.iter().flat_map(|title| [title.as_str(), "\n"]).collect();
        if stdin.write_all(lines.as_bytes()).is_err() {
            break;
        }
        given += chunk.len();
        thread::sleep(feed.pause);
    }
    (given, stdin)
}

/// Reads whole lines; one that was cut off by the death of its writer is none.
fn read_ids(stdout: ChildStdout, mut sink: impl FnMut(String) -> bool) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = String::new();
        match stdout.read_line(&mut line) {
            Ok(length) if length > 0 && line.ends_with('\n') => {}
            _ => return,
        }
        if !sink(line.trim_end().to_owned()) {
            return;
        }
    }
}

fn take_ids(ids: &Receiver<String>, count: usize, into: &mut Vec<String>) -> Result<(), String> {
    while into.len() < count {
        match ids.recv_timeout(PATIENCE) {
            Ok(id) => into.push(id),
            // It ended by itself: how, is told by its end.
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => return Err("an import hung: no id came".to_owned()),
        }
    }
    Ok(())
}

fn sync(plan: &Plan, device: &Device, server: &mut ServerProcess) -> Result<Synced, String> {
    // Those of former cycles.
    while server.log.try_recv().is_ok() {}
    let url = server.url.clone();
    let mut victim = Victim::start(device.command(&["sync", "--timeout", "60s", "--url", &url]));
    let mut synced = Synced::default();
    match plan.sync {
        Moment::Anywhere(after) => thread::sleep(after),
        Moment::Working { steps, then } => {
            await_pushes(&mut victim, server, steps, &mut synced.pushes)?;
            thread::sleep(then);
        }
    }
    let end = match plan.server {
        None => victim.kill(),
        Some(ServerKill { before_client: true, apart }) => {
            synced.server_had_client = victim.is_running();
            server.kill();
            thread::sleep(apart);
            victim.kill()
        }
        Some(ServerKill { before_client: false, apart }) => {
            let end = victim.kill();
            thread::sleep(apart);
            server.kill();
            end
        }
    };
    synced.server_killed = plan.server.is_some();
    synced.pushes += server.log.try_iter().filter(|line| is_push(line)).count();
    match end {
        End::Failed(reason) => return Err(format!("sync: {reason}")),
        End::Finished => {}
        End::Killed => synced.killed = true,
    }
    Ok(synced)
}

/// Waits until the server has answered so many pushes, or the sync is done.
fn await_pushes(
    victim: &mut Victim,
    server: &ServerProcess,
    steps: usize,
    pushes: &mut usize,
) -> Result<(), String> {
    let begun = Instant::now();
    while *pushes < steps && victim.is_running() {
        match server.log.recv_timeout(Duration::from_millis(20)) {
            Ok(line) if is_push(&line) => *pushes += 1,
            Ok(_) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err("the server died by itself".to_owned()),
        }
        if begun.elapsed() > PATIENCE {
            return Err("a sync hung: no push came".to_owned());
        }
    }
    Ok(())
}

fn is_push(line: &str) -> bool {
    line.contains(r#"endpoint="push" status=200"#)
}
