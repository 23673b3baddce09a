//! How a stop reaches all connections, and how one waits for their ends.

use tokio::sync::watch;

/// Tells all connections to stop.
pub(super) struct Stopper(watch::Sender<bool>);

/// What a connection holds for as long as it goes on.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stopper {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(super) fn for_connection(&self) -> Stop {
        Stop(self.0.subscribe())
    }

    /// Ends when all connections have.
    pub(super) async fn stop(self) {
        self.0.send_replace(true);
        self.0.closed().await;
    }
}

impl Stop {
    /// Ends when the server stops.
    pub(super) async fn requested(&mut self) {
        // Without a sender it has stopped.
        let _ = self.0.wait_for(|stopping| *stopping).await;
    }
}
