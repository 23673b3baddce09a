//! Who is let in.

use super::Server;

impl Server {
    /// From now on everybody else is answered with 401: who has no token, or another one.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use mizu_sync::Error;
    /// let server = Server::start();
    /// server.require_token("new");
    /// let phone = server.builder("user:1").principal("ann").token("old").open()?;
    /// phone.start()?;
    /// assert!(matches!(phone.sync(SOON), Err(Error::Sync(_))));
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn require_token(&self, token: &str) {
        self.backend().access.require(token);
        self.shared.live.drop_all();
    }

    /// From now on everybody is answered with 401, until [`require_token`](Server::require_token) says which token is
    /// the new one. Sockets are closed.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use mizu_sync::Error;
    /// let server = Server::start();
    /// server.require_token("token");
    /// let phone = server.builder("user:1").principal("ann").token("token").open()?;
    /// phone.start()?;
    /// phone.sync(SOON)?;
    /// server.expire_tokens();
    /// assert!(matches!(phone.sync(SOON), Err(Error::Sync(_))));
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn expire_tokens(&self) {
        self.backend().access.expire();
        self.shared.live.drop_all();
    }

    /// From now on requests about this scope are answered with 403, whoever makes them.
    ///
    /// ```
    /// # use mizu_sync::testing::{Server, SOON};
    /// # use mizu_sync::Error;
    /// let server = Server::start();
    /// let phone = server.client("user:1");
    /// server.forbid("user:1");
    /// assert!(matches!(phone.sync(SOON), Err(Error::Sync(_))));
    /// # Ok::<(), mizu_sync::Error>(())
    /// ```
    pub fn forbid(&self, scope: &str) {
        self.backend().access.forbid(scope);
        self.shared.live.unsubscribe(scope);
    }

    /// Ends [`forbid`](Server::forbid).
    pub fn allow(&self, scope: &str) {
        self.backend().access.allow(scope);
    }
}
