//! A stop returns soon, whatever the sync is in the midst of.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use mizu_sync::{Client, Cursor, Error, StoreError};
use rusqlite::Connection;

use crate::device::{Device, Life};
use crate::line::Says;
#[cfg(target_os = "linux")]
use crate::process::{Task, tasks};
use crate::process::{alone, left_threads, within};
use crate::support::{Note, SOON};

/// Far more than the second that is promised: this is no measurement.
const BOUND: Duration = Duration::from_secs(3);

/// How long a stop takes.
fn stop(client: &Client) -> Duration {
    let start = Instant::now();
    client.stop();
    let took = start.elapsed();
    assert_eq!(client.sync(SOON), Err(Error::NotStarted));
    took
}

/// What the client is in the midst of, and what brings it there, stops it and says how long that took.
type Case = (&'static str, fn() -> Duration);

#[test]
fn a_stop_returns_soon_whatever_the_sync_is_in_the_midst_of() {
    let _alone = alone();
    let cases: [Case; 8] = [
        ("a server that never answers", a_server_that_never_answers),
        ("a snapshot that trickles", a_snapshot_that_trickles),
        ("a request that cannot be ended", a_request_that_cannot_be_ended),
        ("a long transaction", a_long_transaction),
        ("a start that waits for a long transaction", a_start_that_waits),
        ("a pause that waits for a long write", a_pause_that_waits),
        ("a callback that does not return", a_callback_that_does_not_return),
        ("a transport that panics when it is shut down", a_transport_that_panics),
    ];
    let mut failed = Vec::new();
    for (name, case) in cases {
        match within(case) {
            Ok(took) if took < BOUND => eprintln!("{name}: {} ms", took.as_millis()),
            Ok(took) => failed.push(format!("{name}: the stop takes {took:?}")),
            Err(reason) => failed.push(format!("{name}: {reason}")),
        }
        let left = left_threads();
        if !left.is_empty() {
            failed.push(format!("{name}: threads are left: {left:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// A client of a server that does with each connection what it likes.
fn with_server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> (Client, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/_sync", listener.local_addr().unwrap());
    let (tell, told) = mpsc::channel();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (serve, tell) = (Arc::clone(&serve), tell.clone());
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let mut head = [0; 64];
                // A client that was stopped says nothing.
                if stream.read(&mut head).is_ok_and(|read| read > 0) {
                    let _ = tell.send(());
                    serve(stream);
                }
            });
        }
    });
    let client = Client::builder(&url, "user:1").in_memory().live(false).open().unwrap();
    client.start().unwrap();
    (client, told)
}

fn a_server_that_never_answers() -> Duration {
    let (client, asked) = with_server(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    asked.recv_timeout(SOON).unwrap();
    stop(&client)
}

fn a_snapshot_that_trickles() -> Duration {
    let (tell, trickled) = mpsc::channel();
    let tell = Mutex::new(tell);
    let (client, _asked) = with_server(move |mut stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";
        let body = format!("{{\"data\":{{\"note\":{{\"{}", "x".repeat(90_000));
        stream.write_all(head.as_bytes()).unwrap();
        // Until it is stopped.
        for byte in body.bytes() {
            if stream.write_all(&[byte]).is_err() {
                return;
            }
            let _ = tell.lock().unwrap().send(());
            thread::sleep(Duration::from_millis(1));
        }
    });
    for _ in 0..50 {
        trickled.recv_timeout(SOON).unwrap();
    }
    stop(&client)
}

/// As a look-up of a name that hangs.
fn a_request_that_cannot_be_ended() -> Duration {
    let device = Device::new(Says::NothingEver);
    device.client().start().unwrap();
    device.line.wait_asked(1);
    let took = stop(device.client());
    // It does not hold up the next one, either.
    device.client().start().unwrap();
    device.line.wait_asked(2);
    let again = stop(device.client());
    device.line.say(Says::NotThere);
    device.check(Life::Stopped).unwrap();
    took.max(again)
}

/// Somebody else writes the file for long.
fn lock_file(device: &Device) -> Connection {
    let other = Connection::open(&device.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// How often the sync went to sleep.
#[cfg(target_os = "linux")]
fn sleeps() -> u64 {
    let driver = |task: &Task| task.name == "mizu-sync";
    tasks().into_iter().find(driver).map_or(0, |task| task.sleeps)
}

/// Where nobody can tell, nothing is waited for.
#[cfg(not(target_os = "linux"))]
fn sleeps() -> u64 {
    u64::MAX / 2
}

fn a_long_transaction() -> Duration {
    let device = Device::new(Says::Yes);
    let client = device.client();
    client.start().unwrap();
    client.sync(SOON).unwrap();
    client.delivered(SOON).unwrap();
    let other = lock_file(&device);
    // What is answered now is stored: the sync waits for the file, and looks again and again.
    let before = sleeps();
    device.line.write();
    client.notify_live(Cursor::new(1_000_000).unwrap());
    let start = Instant::now();
    while sleeps() < before + 6 && start.elapsed() < SOON {
        thread::yield_now();
    }
    let took = stop(client);
    drop(other);
    device.heard.try_iter().for_each(drop);
    device.check(Life::Stopped).unwrap();
    took
}

fn a_start_that_waits() -> Duration {
    let device = Device::new(Says::Yes);
    let other = lock_file(&device);
    let took = thread::scope(|scope| {
        let (client, line) = (device.client(), &device.line);
        let starts = scope.spawn(|| client.start());
        let took = stop(client);
        // Signals of the platform do not wait, either.
        client.set_network(true);
        client.set_token("another").unwrap();
        assert_eq!(line.asked(), 0);
        drop(other);
        assert_eq!(starts.join().unwrap(), Ok(()));
        took
    });
    device.check(Life::Running).unwrap();
    took
}

fn a_pause_that_waits() -> Duration {
    let device = Device::new(Says::Nothing);
    let client = device.client();
    client.start().unwrap();
    device.line.wait_asked(1);
    let other = lock_file(&device);
    let took = thread::scope(|scope| {
        let writes = scope.spawn(|| device.notes.add(Note::new("")).map(drop));
        // It has begun, and so the pause waits for it, or it finds the client paused.
        let pauses = scope.spawn(|| client.pause());
        while client.flush(Duration::ZERO) != Err(Error::Store(StoreError::Paused)) {
            thread::yield_now();
        }
        let start = Instant::now();
        client.stop();
        let took = start.elapsed();
        drop(other);
        assert_eq!(pauses.join().unwrap(), Ok(()));
        let written = writes.join().unwrap();
        assert!(matches!(written, Ok(()) | Err(Error::Store(StoreError::Paused))), "{written:?}");
        took
    });
    // The stop holds.
    device.check(Life::Paused { runs: false }).unwrap();
    took
}

fn a_callback_that_does_not_return() -> Duration {
    let (enter, entered) = mpsc::channel();
    let (let_go, blocked) = mpsc::channel::<()>();
    let (enter, blocked) = (Mutex::new(enter), Mutex::new(blocked));
    let device = Device::with(crate::line::Line::new(Says::Yes), |builder, heard| {
        let heard = Mutex::new(heard);
        builder
            .on_online(move || {
                enter.lock().unwrap().send(()).unwrap();
                // Until the test lets it go.
                let _ = blocked.lock().unwrap().recv();
            })
            .on_sync(move |_| heard.lock().unwrap().send("on_sync").unwrap_or(()))
    });
    device.client().start().unwrap();
    entered.recv_timeout(SOON).unwrap();
    let took = stop(device.client());
    drop(let_go);
    // From now on it does not block: nobody holds the other end.
    device.check_restart();
    took
}

fn a_transport_that_panics() -> Duration {
    let device = Device::new(Says::Nothing);
    device.client().start().unwrap();
    device.line.wait_asked(1);
    device.line.panic_at_shutdown();
    let took = stop(device.client());
    device.check(Life::Stopped).unwrap();
    took
}
