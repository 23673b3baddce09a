//! How long it takes until an effect has run: after a write on the same device, and after a write on another one, over
//! the server and its live socket. All in one process, everything on disk.
//!
//! `cargo run --release --example latency` prints microseconds. They are those of this machine: compare them with others
//! of the same run only.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use mizu_sync::{Client, Effect};
use mizu_sync_server::{Server, ServerOptions, Service, ServiceOptions};
use serde::{Deserialize, Serialize};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const ROUNDS: u64 = 1_000;
const SOON: Duration = Duration::from_secs(20);

#[derive(Serialize, Deserialize)]
struct Counter {
    value: u64,
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let service = Service::open(folder.path().join("server.db"), ServiceOptions::default())?;
    let server = Server::start(ServerOptions::loopback(Arc::new(service)))?;
    let open = |name: &str| Client::builder(server.url(), "user:1").database(folder.path().join(name)).open();
    let (here, there) = (open("here.db")?, open("there.db")?);

    let counter = here.collection::<Counter>("counter").create("c", Counter { value: 0 })?;
    let (_effect, seen) = watch(&here);
    report("write to effect, same device", || {
        let before = Instant::now();
        let value = bump(&counter)?;
        wait_for(&seen, value)?;
        Ok(before.elapsed())
    })?;

    let memory = Client::builder(server.url(), "user:1").in_memory().open()?;
    let light = memory.collection::<Counter>("counter").create("c", Counter { value: 0 })?;
    let (_effect, seen) = watch(&memory);
    report("write to effect, same device, in memory", || {
        let before = Instant::now();
        let value = bump(&light)?;
        wait_for(&seen, value)?;
        Ok(before.elapsed())
    })?;

    here.start()?;
    there.start()?;
    here.flush(SOON)?;
    there.sync(SOON)?;
    let (_effect, seen) = watch(&there);
    let live = there.status();
    let (tell, told) = mpsc::channel();
    let _live = Effect::new(move || {
        if live.with(|status| status.live) {
            tell.send(())?;
        }
        Ok(())
    });
    told.recv_timeout(SOON)?;
    report("write to effect, other device, live", || {
        let before = Instant::now();
        let value = bump(&counter)?;
        wait_for(&seen, value)?;
        Ok(before.elapsed())
    })?;
    drop((here, there));
    server.stop();
    Ok(())
}

/// Raises the counter by one. Gives what it is then.
fn bump(counter: &mizu_sync::Entity<Counter>) -> Result<u64> {
    let mut value = 0;
    counter.update(|counter| {
        counter.value += 1;
        value = counter.value;
    })?;
    Ok(value)
}

/// An effect that tells each value that the counter has.
fn watch(client: &Client) -> (Effect, Receiver<u64>) {
    let counter = client.collection::<Counter>("counter").get("c");
    let (tell, seen) = mpsc::channel();
    let effect = Effect::new(move || {
        if let Some(counter) = counter.get()? {
            tell.send(counter.value)?;
        }
        Ok(())
    });
    (effect, seen)
}

fn wait_for(seen: &Receiver<u64>, value: u64) -> Result<()> {
    while seen.recv_timeout(SOON)? < value {}
    Ok(())
}

fn report(what: &str, mut round: impl FnMut() -> Result<Duration>) -> Result<()> {
    let mut times = (0..ROUNDS).map(|_| round()).collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    println!("{what:39}  p50 {:7.0} µs  p99 {:7.0} µs", at(50), at(99));
    Ok(())
}
