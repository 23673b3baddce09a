//! The program's arguments.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use mizu_sync_server::{Auth, OpenAuth, ServerOptions, Service, ServiceOptions, TokenFile, TokenFileError};

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
    /// a scope that ends with * stands for all that begin so, "expires" may be left out. Without a file everybody may
    /// do everything
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// How log lines on stderr look
    #[arg(long, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
    /// For how long changes can be pulled, at least 7d; who was away for longer takes a snapshot
    #[arg(long, default_value = "30d", value_name = "DURATION", value_parser = keep_log)]
    keep_log: Duration,
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
            LogFormat::Json => builder.json().init(),
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

    pub(crate) fn service_options(&self) -> Result<ServiceOptions, TokenFileError> {
        let auth: Arc<dyn Auth> = match &self.token_file {
            Some(path) => {
                let tokens = TokenFile::load(path)?;
                if tokens.is_empty() {
                    tracing::warn!("the token file has no entry: nobody is let in");
                }
                Arc::new(tokens)
            }
            None => Arc::new(OpenAuth::new()),
        };
        Ok(ServiceOptions {
            auth,
            keep_log: self.keep_log,
            #[cfg(feature = "planted-bugs")]
            planted_bug: self.planted_bug,
            ..ServiceOptions::default()
        })
    }

    pub(crate) fn server_options(&self, service: Arc<Service>) -> ServerOptions {
        ServerOptions { listen: self.listen, base: self.base.clone(), ..ServerOptions::loopback(service) }
    }
}
