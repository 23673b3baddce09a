//! The thread of a live socket: it runs the socket and hands on what comes.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

use super::dispatcher::Notices;
use super::exchange::concealed;
use super::log::{LogLevel, LogLine};
use crate::net::{LiveEnd, LiveNews, LiveSocket, Transport, TransportError};
use crate::sync::Event;

/// So many news may wait for the driver. Then the socket is not read on: a server that hints faster than anybody can
/// listen fills its own buffers.
const MOST_WAITING: usize = 64;

/// Opens live sockets, one after the other.
pub struct Listener {
    transport: Arc<dyn Transport>,
    scope: String,
    url: String,
    events: Sender<Event>,
    notices: Notices,
    current: Option<Arc<dyn LiveSocket>>,
    /// Each news takes a place before it is sent, which [`Listener::heard`] gives back.
    places: SyncSender<()>,
    taken: Receiver<()>,
}

impl Listener {
    pub fn new(
        transport: Arc<dyn Transport>,
        (scope, url): (&str, &str),
        events: Sender<Event>,
        notices: Notices,
    ) -> Self {
        let (places, taken) = mpsc::sync_channel(MOST_WAITING);
        let (scope, url) = (scope.to_owned(), url.to_owned());
        Self { transport, scope, url, events, notices, current: None, places, taken }
    }

    /// Opens a socket, on a thread of its own.
    pub fn open(&mut self, ticket: u64) {
        let transport = &self.transport;
        // A panic of an app's own transport: as if it had none.
        let socket = catch_unwind(AssertUnwindSafe(|| transport.live())).unwrap_or_default();
        self.current = socket.clone();
        let Some(socket) = socket else {
            let _ = self.events.send(Event::LiveEnded(ticket, None));
            return;
        };
        let (events, places) = (self.events.clone(), self.places.clone());
        let (scope, url) = (self.scope.clone(), self.url.clone());
        let (transport, notices) = (Arc::clone(transport), self.notices.clone());
        let spawned = thread::Builder::new().name("mizu-live".to_owned()).spawn(move || {
            let mut tell = |news: LiveNews| {
                // Nobody listens any more: the socket is about to be ended.
                if places.send(()).is_ok() {
                    let _ = events.send(Event::Live(ticket, news));
                }
            };
            let ran = catch_unwind(AssertUnwindSafe(|| socket.run(&scope, &mut tell)));
            let end = ran.unwrap_or_else(|_| failed(url, "the transport panicked".to_owned()));
            match &end {
                LiveEnd::Failed(error) => {
                    let reason = concealed(&*transport, error.to_string());
                    log(&notices, LogLevel::Debug, format_args!("the live socket has ended: {reason}"));
                }
                LiveEnd::Refused { status } => {
                    log(&notices, LogLevel::Debug, format_args!("there is no live socket: {status}"));
                }
            }
            let _ = events.send(Event::LiveEnded(ticket, Some(end)));
        });
        if let Err(error) = spawned {
            let end = failed(self.url.clone(), format!("no thread could be started: {error}"));
            let _ = self.events.send(Event::LiveEnded(ticket, Some(end)));
        }
    }

    /// Ends the socket that was opened last.
    pub fn close(&mut self) {
        if let Some(socket) = self.current.take()
            && catch_unwind(AssertUnwindSafe(|| socket.end())).is_err()
        {
            let text = "a live socket of the app's transport panicked";
            log(&self.notices, LogLevel::Error, format_args!("{text}"));
        }
    }

    /// The driver has taken an event.
    pub fn heard(&self, event: &Event) {
        if matches!(event, Event::Live(..)) {
            let _ = self.taken.try_recv();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

fn log(notices: &Notices, level: LogLevel, text: fmt::Arguments<'_>) {
    notices.log(LogLine::new(level, "live", text));
}

fn failed(url: String, reason: String) -> LiveEnd {
    LiveEnd::Failed(TransportError::Unreachable { url, reason })
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::time::Duration;

    use mizu_sync_protocol::Cursor;

    use super::*;
    use crate::client::callbacks::Callbacks;
    use crate::client::dispatcher::Dispatcher;
    use crate::net::{Lane, Request, Response};

    const SOON: Duration = Duration::from_secs(60);

    /// A transport whose socket hints without end.
    struct Flood;

    impl LiveSocket for Flood {
        fn run(&self, _: &str, tell: &mut dyn FnMut(LiveNews)) -> LiveEnd {
            for number in 1..=1_000 {
                tell(LiveNews::Hint(Cursor::new(number).unwrap()));
            }
            LiveEnd::Refused { status: 500 }
        }

        fn end(&self) {}
    }

    impl Transport for Flood {
        fn exchange(&self, _: &Request) -> Result<Response, TransportError> {
            unreachable!("nothing is asked")
        }

        fn interrupt(&self, _: Lane) {}

        fn shutdown(&self) {}

        fn live(&self) -> Option<Arc<dyn LiveSocket>> {
            Some(Arc::new(Self))
        }
    }

    #[test]
    fn a_server_that_hints_faster_than_anybody_listens_waits() {
        let (events, received) = mpsc::channel();
        let notices = Dispatcher::new(Callbacks::default(), Weak::new()).begin_session().unwrap();
        let mut listener = Listener::new(Arc::new(Flood), ("user:1", "x"), events, notices);
        listener.open(1);
        for _ in 0..MOST_WAITING {
            received.recv_timeout(SOON).unwrap();
        }
        assert!(received.try_recv().is_err(), "nothing was taken by the driver yet");
        let mut heard = MOST_WAITING;
        for _ in 0..MOST_WAITING {
            listener.heard(&Event::Live(1, LiveNews::Opened));
        }
        loop {
            let event = received.recv_timeout(SOON).unwrap();
            listener.heard(&event);
            if let Event::LiveEnded(ticket, end) = event {
                assert_eq!((ticket, end), (1, Some(LiveEnd::Refused { status: 500 })));
                break;
            }
            heard += 1;
        }
        assert_eq!(heard, 1_000);
    }
}
