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
            arguments.report(&failure.reason);
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
    let tokens = arguments.tokens()?;
    let options = arguments.service_options(tokens.as_ref());
    let service = Arc::new(Service::open(&arguments.db, options)?);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        // Before the first line is out: who has read it may signal.
        let mut signals = Signals::listen()?;
        let server = Server::start(arguments.server_options(Arc::clone(&service)))?;
        announce(&server);
        let trimming = tokio::spawn(trim(service));
        while let Signal::Reload = signals.next().await {
            // Without a file to read again it is a terminal that has been closed.
            let Some(tokens) = &tokens else { break };
            tokens.reload();
        }
        trimming.abort();
        tracing::info!("stopping");
        server.stop();
        tracing::info!("stopped");
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
    let _ = writeln!(stdout, "listening on {}", server.url());
    tracing::info!(url = server.url(), version = env!("CARGO_PKG_VERSION"), "listening");
    if let Some(address) = server.metrics_addr() {
        let _ = writeln!(stdout, "metrics on http://{address}/metrics");
    }
    let _ = stdout.flush();
}

/// Looks for old rows, for ever.
async fn trim(service: Arc<Service>) {
    let mut ticks = interval(TRIM_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let service = Arc::clone(&service);
        match tokio::task::spawn_blocking(move || service.trim(SystemTime::now())).await {
            Ok(Ok(trimmed)) => {
                tracing::info!(changes = trimmed.changes, outcomes = trimmed.outcomes, "trimmed");
            }
            Ok(Err(error)) => tracing::warn!(%error, "trim failed"),
            Err(_) => tracing::warn!("trim panicked"),
        }
    }
}

/// What a signal asks for.
enum Signal {
    Stop,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Reload,
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.hang_up.recv() => Signal::Reload,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Signal {
        // Without a handler for Ctrl-C the system ends the program by itself.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Stop
    }
}
