//! The program's arguments.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use mizu_sync_server::{
    Auth, NoRate, OpenAuth, RateLimit, ServerOptions, Service, ServiceOptions, TokenFile, TokenFileError,
};

/// Serves the Mizu sync protocol, with generic mutations, from one SQLite file.
#[derive(Parser)]
#[command(name = "mizu-sync-server", version)]
pub(crate) struct Arguments {
    /// Address or host name, and port; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS", value_parser = listen)]
    listen: SocketAddr,
    /// The database file; made if missing
    #[arg(long, default_value = "mizu.db", value_name = "FILE")]
    pub(crate) db: PathBuf,
    /// The path under which the endpoints are
    #[arg(long, default_value = ServerOptions::BASE, value_name = "PATH")]
    base: String,
    /// JSON array of {"token":"…","principal":"alice","scopes":["user:1","team:*"],"expires":"2027-01-01T00:00:00Z"};
    /// a scope that ends with * stands for all that begin so, "expires" may be left out. Read again on SIGHUP. Without a
    /// file everybody may do everything
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How log lines on stderr look
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
    /// For how long changes can be pulled, at least 7d; who was away for longer takes a snapshot
    #[arg(long, default_value = "30d", value_name = "DURATION", value_parser = keep_log)]
    keep_log: Duration,
    /// Requests that one user may make, or one address where there is no token: 100/s, or off; ten times as many at
    /// once. More are answered 429. Without this option: 100/s with a token file, else off
    #[arg(long, value_name = "RATE", value_parser = rate_limit)]
    rate_limit: Option<Rate>,
    /// Address for GET /metrics (Prometheus), beside the one for clients, who do not see it
    #[arg(long, value_name = "ADDRESS", value_parser = listen)]
    metrics: Option<SocketAddr>,
    /// Listen beyond this machine although there is no token file
    #[arg(long)]
    insecure: bool,
    /// Wakes a planted bug
    #[cfg(feature = "planted-bugs")]
    #[arg(long, hide = true, value_name = "NAME")]
    planted_bug: Option<mizu_sync_server::Bug>,
}

#[derive(Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy)]
enum Rate {
    Off,
    Limit(RateLimit),
}

fn rate_limit(text: &str) -> Result<Rate, String> {
    if text == "off" {
        return Ok(Rate::Off);
    }
    text.parse().map(Rate::Limit).map_err(|error: NoRate| format!("{error}, or off"))
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    let wrong = |reason: String| format!("{reason}; write it like 127.0.0.1:8080 or localhost:8080");
    let addresses: Vec<_> = text.to_socket_addrs().map_err(|error| wrong(error.to_string()))?.collect();
    // Where a name has both, most clients try this one, or are told it.
    let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
    address.copied().ok_or_else(|| wrong("this name has no address".to_owned()))
}

fn keep_log(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if duration < ServiceOptions::MIN_KEEP_LOG {
        return Err("clients rely on at least 7d".to_owned());
    }
    Ok(duration)
}

impl Arguments {
    pub(crate) fn start_logging(&self) {
        let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false);
        match self.log_format {
            LogFormat::Text => builder.init(),
            LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).init(),
        }
        // Not what it was about: that may be the user's data.
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, "panicked");
        }));
    }

    /// Says why the program ends, as everything else is said.
    pub(crate) fn report(&self, reason: &str) {
        match self.log_format {
            LogFormat::Text => eprintln!("mizu-sync-server: {reason}"),
            LogFormat::Json => tracing::error!(reason, "failed"),
        }
    }

    /// Refuses to let everybody in from everywhere, unless told to.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.token_file.is_some() || self.insecure || self.listen.ip().is_loopback() {
            return Ok(());
        }
        Err(format!(
            "without --token-file everybody may read and write everything, so {} is refused: \
             listen on 127.0.0.1, give a --token-file, or say --insecure",
            self.listen
        ))
    }

    pub(crate) fn tokens(&self) -> Result<Option<Tokens>, TokenFileError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let tokens = Tokens { path: path.clone(), file: Arc::new(TokenFile::load(path)?) };
        tokens.warn_if_empty();
        Ok(Some(tokens))
    }

    pub(crate) fn service_options(&self, tokens: Option<&Tokens>) -> ServiceOptions {
        let auth: Arc<dyn Auth> = match tokens {
            Some(tokens) => Arc::clone(&tokens.file) as _,
            None => Arc::new(OpenAuth::new()),
        };
        ServiceOptions {
            auth,
            keep_log: self.keep_log,
            #[cfg(feature = "planted-bugs")]
            planted_bug: self.planted_bug,
            ..ServiceOptions::default()
        }
    }

    pub(crate) fn server_options(&self, service: Arc<Service>) -> ServerOptions {
        let rate_limit = match self.rate_limit {
            Some(Rate::Limit(limit)) => Some(limit),
            // Without tokens all of a proxy's clients would be one.
            None if self.token_file.is_some() => Some(RateLimit::DEFAULT),
            Some(Rate::Off) | None => None,
        };
        ServerOptions {
            listen: self.listen,
            base: self.base.clone(),
            rate_limit,
            metrics: self.metrics,
            ..ServerOptions::loopback(service)
        }
    }
}

/// The token file, and where it is.
pub(crate) struct Tokens {
    path: PathBuf,
    file: Arc<TokenFile>,
}

impl Tokens {
    /// Reads the file again. What is wrong with it is logged, and changes nothing.
    pub(crate) fn reload(&self) {
        match self.file.reload(&self.path) {
            Ok(()) => {
                tracing::info!("the token file was read again");
                self.warn_if_empty();
            }
            Err(error) => tracing::warn!(%error, "the token file stays as it was"),
        }
    }

    fn warn_if_empty(&self) {
        if self.file.is_empty() {
            tracing::warn!("the token file has no entry: nobody is let in");
        }
    }
}
