//! The server as a program. Exit codes: 0 stopped by a signal, 1 failed, 2 wrong arguments.

mod cli;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser as _;
use mizu_sync_server::{Server, Service};
use tokio::runtime::Builder;
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::Arguments;

/// How often old rows are looked for.
const TRIM_INTERVAL: Duration = Duration::from_secs(60 * 60);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.start_logging();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("mizu-sync-server: {}", failure.reason);
            failure.code
        }
    }
}

/// Why the program ends.
struct Failure {
    code: ExitCode,
    reason: String,
}

impl Failure {
    fn usage(reason: String) -> Self {
        Self { code: ExitCode::from(2), reason }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { code: ExitCode::FAILURE, reason: error.to_string() }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    arguments.check().map_err(Failure::usage)?;
    let service = Arc::new(Service::open(&arguments.db, arguments.service_options()?)?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        // Before the first line is out: who has read it may signal.
        let signals = Signals::listen()?;
        let server = Server::start(arguments.server_options(Arc::clone(&service)))?;
        announce(&server);
        trim_until(service, signals).await;
        tracing::info!("stopping");
        server.stop();
        Ok(())
    });
    // A trim in progress need not be waited for: it is made of short transactions.
    runtime.shutdown_background();
    result
}

/// The first line on stdout, for whoever started this on port 0.
fn announce(server: &Server) {
    let mut stdout = std::io::stdout();
    // Nobody may be listening there; the server serves all the same.
    let _ = writeln!(stdout, "listening on {}", server.url()).and_then(|()| stdout.flush());
}

async fn trim_until(service: Arc<Service>, mut signals: Signals) {
    let mut ticks = interval(TRIM_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = signals.next() => return,
            _ = ticks.tick() => {}
        }
        let service = Arc::clone(&service);
        let trimming = tokio::task::spawn_blocking(move || service.trim(SystemTime::now()));
        tokio::select! {
            () = signals.next() => return,
            done = trimming => match done {
                Ok(Ok(trimmed)) => {
                    tracing::info!(changes = trimmed.changes, outcomes = trimmed.outcomes, "trimmed");
                }
                Ok(Err(error)) => tracing::warn!(%error, "trim failed"),
                Err(_) => tracing::warn!("trim panicked"),
            },
        }
    }
}

/// The signals that ask the program to stop.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The signals that ask the program to stop.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        // Without a handler for Ctrl-C the system ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
