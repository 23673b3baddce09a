//! Opening the file.

use std::thread;
use std::time::{Duration, Instant};

use mizu_sync::net::UrlError;
use mizu_sync::{Client, Error, StoreError};

use crate::arguments::Arguments;
use crate::failure::{Failure, Result};
use crate::sync;

/// How long a file is waited for that another process has open. Most commands are over by then.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(10);

pub fn open(arguments: &Arguments) -> Result<Client> {
    let start = Instant::now();
    loop {
        match try_open(arguments) {
            Err(Error::Store(StoreError::AlreadyOpen { .. })) if start.elapsed() < PATIENCE => {
                thread::sleep(PAUSE);
            }
            Err(Error::BaseUrl(UrlError::Cleartext { host })) => {
                return Err(Failure::Usage(format!(
                    "http:// to {host} would send the token and all data in the clear: use https://, or \
                     --allow-cleartext if everybody on the way may read and change them"
                )));
            }
            opened => return Ok(opened?),
        }
    }
}

fn try_open(arguments: &Arguments) -> mizu_sync::Result<Client> {
    let builder = Client::builder(&arguments.url, &arguments.scope)
        .database(&arguments.db)
        // There are no users here but the scopes themselves.
        .principal(&arguments.scope)
        .allow_cleartext(arguments.allow_cleartext)
        .on_error(sync::news());
    match &arguments.token {
        Some(token) => builder.token(token).open(),
        None => builder.open(),
    }
}
