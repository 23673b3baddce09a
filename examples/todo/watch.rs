//! `todo watch`: the list, and what becomes of it, until the user has seen enough.

use std::sync::mpsc::{self, Sender};
use std::thread;

use mizu_sync::{Client, Connectivity, Effect, Row, RowChange, RowsUpdate};

use crate::failure::{Failure, Result};
use crate::list::Listed;
use crate::output::{self, Output};
use crate::todos::{self, Todo};

/// What happens while it watches.
enum Event {
    Rows(RowsUpdate<Todo>),
    /// Ctrl-C, or whatever else asks a process to end.
    End,
}

pub fn watch(client: &Client, output: &mut Output, json: bool) -> Result {
    let (happen, happened) = mpsc::channel();
    end_by_signal(happen.clone())?;
    // Printed by this thread: whoever reads slowly must not hold up the callbacks.
    let _rows =
        todos::collection(client).query().subscribe(move |update| drop(happen.send(Event::Rows(update))));
    let _connection = tell_connection(client);
    client.start()?;
    let mut list = Vec::new();
    while let Ok(Event::Rows(update)) = happened.recv() {
        if json {
            update.apply(&mut list);
            output.json(&list.iter().map(Listed::from).collect::<Vec<_>>())?;
        } else {
            show(output, update, &mut list)?;
        }
    }
    client.stop();
    Ok(())
}

/// Shows the list at first, and then a line for each change: `+` is new, `*` is different, `-` is gone.
fn show(output: &mut Output, update: RowsUpdate<Todo>, list: &mut Vec<Row<Todo>>) -> Result {
    match update {
        RowsUpdate::All { .. } => {
            update.apply(list);
            for row in &*list {
                output.show(Listed::from(row))?;
            }
        }
        RowsUpdate::Changes { changes, .. } => {
            for change in changes {
                match &change {
                    RowChange::Inserted { row, .. } => {
                        output.show(format_args!("+ {}", Listed::from(row)))?;
                    }
                    RowChange::Updated { row, .. } => output.show(format_args!("* {}", Listed::from(row)))?,
                    RowChange::Removed { index } => {
                        if let Some(row) = list.get(*index) {
                            output.show(format_args!("- {}", row.id))?;
                        }
                    }
                }
                change.apply(list);
            }
        }
    }
    output.flush()
}

/// Tells on stderr whether the server answers, whenever that is different.
fn tell_connection(client: &Client) -> Effect {
    let status = client.status();
    let mut told = Connectivity::Stopped;
    Effect::new(move || {
        let status = status.get();
        let known = matches!(status.connection, Connectivity::Online | Connectivity::Offline);
        if known && status.connection != told {
            told = status.connection;
            match status.error {
                Some(error) => output::tell(error),
                None => output::tell(&status),
            }
        }
    })
}

/// Says when the process is asked to end.
fn end_by_signal(happen: Sender<Event>) -> Result {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(format_args!("no signal can be waited for: {error}")))?;
    // Before the first row is out: whoever has read it may signal.
    let signals = {
        let _inside = runtime.enter();
        Signals::listen()
            .map_err(|error| Failure::new(format_args!("no signal can be waited for: {error}")))?
    };
    thread::spawn(move || {
        runtime.block_on(signals.next());
        // The one who watches may have ended already.
        let _ = happen.send(Event::End);
    });
    Ok(())
}

/// The signals that ask a program to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signals that ask a program to end.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(self) {
        // Without a handler the system ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
