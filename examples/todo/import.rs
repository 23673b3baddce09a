//! `todo import`: one todo a line, as fast as the disk allows.
//!
//! # Idea
//! One thread reads lines ahead into a bounded channel. The other takes all that are there, commits them as one
//! batch, and prints their ids. While the disk is busy the next batch gathers, so a fast producer pays for one
//! commit in thousands of lines, and a slow one gets the id of each line at once.
//!
//! # Limits
//! An id that was printed is on disk. A line that was read and not answered may be there or not. Lines with
//! nothing but blanks are passed over.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use mizu_sync::{Batch, Client, Collection};

use crate::arguments::ImportOptions;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::todos::{self, Todo};

/// Lines that are read ahead, and the most that one batch holds.
const READ_AHEAD: usize = 4096;
/// A longer line is no title, and would only fill the memory.
const LONGEST_LINE: u64 = 512 * 1024;

pub fn import(client: &Client, output: &mut Output, options: &ImportOptions) -> Result {
    let (sender, lines) = sync_channel(READ_AHEAD);
    let source = open(&options.file)?;
    thread::Builder::new()
        .name("todo-read".to_owned())
        .spawn(move || read(source, &sender))
        .map_err(|error| Failure::new(format_args!("no thread could be started: {error}")))?;
    while let Some(lines) = gather(&lines) {
        write(client, output, lines, options.prints_early())?;
    }
    Ok(())
}

type Source = Box<dyn BufRead + Send>;

fn open(path: &Path) -> Result<Source> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = File::open(path)
        .map_err(|error| Failure::new(format_args!("{} cannot be read: {error}", path.display())))?;
    Ok(Box::new(BufReader::new(file)))
}

/// A line with its number, or why there are no more.
type Line = Result<(u64, String)>;

/// Reads until the end, an error, or until nobody wants more.
fn read(mut source: Source, lines: &SyncSender<Line>) {
    for number in 1.. {
        let line = match read_line(&mut source) {
            Ok(Some(line)) => match without_mark(number, line) {
                title if title.trim().is_empty() => continue,
                title => Ok((number, title)),
            },
            Ok(None) => return,
            Err(reason) => Err(Failure::new(format_args!("line {number} cannot be read: {reason}"))),
        };
        let last = line.is_err();
        if lines.send(line).is_err() || last {
            return;
        }
    }
}

/// Some editors put a byte order mark at the beginning of a file.
fn without_mark(number: u64, line: String) -> String {
    match line.strip_prefix('\u{feff}') {
        Some(title) if number == 1 => title.to_owned(),
        _ => line,
    }
}

fn read_line(source: &mut Source) -> Result<Option<String>, String> {
    let mut line = Vec::new();
    let read = source.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line);
    if read.map_err(|error| error.to_string())? == 0 {
        return Ok(None);
    }
    match line.pop_if(|last| *last == b'\n') {
        Some(_) => drop(line.pop_if(|last| *last == b'\r')),
        None if line.len() as u64 > LONGEST_LINE => {
            return Err(format!("it has more than {LONGEST_LINE} bytes"));
        }
        None => {}
    }
    String::from_utf8(line).map(Some).map_err(|_| "it is not UTF-8".to_owned())
}

/// Waits for a line, and takes those that are there too; none when there are no more.
fn gather(lines: &Receiver<Line>) -> Option<Vec<Line>> {
    let first = lines.recv().ok()?;
    let mut gathered = vec![first];
    gathered.extend(lines.try_iter().take(READ_AHEAD - 1));
    Some(gathered)
}

/// Commits what can be, tells of it, and only then of the line that cannot be.
fn write(client: &Client, output: &mut Output, lines: Vec<Line>, early: bool) -> Result {
    let todos = todos::collection(client);
    let (mut ids, mut refused) = (Vec::with_capacity(lines.len()), Ok(()));
    client.batch(|batch| {
        for line in lines {
            match line.and_then(|line| add(batch, &todos, line)) {
                Ok(id) => ids.push(id),
                Err(failure) => {
                    refused = Err(failure);
                    break;
                }
            }
        }
        if early {
            refused = print(output, &std::mem::take(&mut ids));
        }
        Ok(())
    })?;
    print(output, &ids)?;
    refused
}

fn add(batch: &mut Batch<'_>, todos: &Collection<Todo>, (number, title): (u64, String)) -> Result<String> {
    batch
        .add(todos, &Todo::new(title))
        .map_err(|error| Failure::new(format_args!("line {number} cannot be added: {error}")))
}

fn print(output: &mut Output, ids: &[String]) -> Result {
    for id in ids {
        output.add(id)?;
    }
    output.flush()
}
