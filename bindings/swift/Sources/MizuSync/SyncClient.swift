package import MizuSyncNative

/// A local database that syncs one scope with a server.
///
/// ```swift
/// let client = try SyncClient("https://api.example.com/_sync", scope: "user:123") {
///     $0.onRejected = { print("not accepted: \($0)") }
/// }
/// try client.start()
/// ```
///
/// Making one opens no file: that is done on a thread of its own. Whatever reads or writes waits for it, and throws what has
/// failed there. Share one client; ``close()`` it when the user signs out. All of its functions can be called from any thread
/// and actor, in callbacks too. A client that nobody holds any more is closed.
public final class SyncClient: Sendable {
    /// The data partition that it syncs, such as `user:123`.
    public let scope: String

    let coders: Coders
    private let opening = Opening()
    private let callbacks: Callbacks
    /// Those who watch something, and hear of nothing more once this is closed.
    private let watching = Locked<[ObjectIdentifier: Wakes]>([:])

    /// Opens a client that syncs `scope` with the server at `url`, such as `https://api.example.com/_sync`.
    ///
    /// - Parameters:
    ///   - url: the base URL of the server.
    ///   - scope: the data partition that is synced.
    ///   - configure: sets options.
    /// - Throws: a ``SyncError`` for a database that is no file and an interval that is negative. All else, such as a URL that
    ///   is none, is found when the client is opened: it is told to ``SyncOptions/onError``, logged, and thrown by all that is called.
    public convenience init(_ url: String, scope: String, _ configure: (inout SyncOptions) throws -> Void = { _ in })
        throws
    {
        var options = SyncOptions()
        try configure(&options)
        let callbacks = Callbacks(options)
        let asked = try ClientOptions(url: url, scope: scope, options, callbacks)
        self.init(scope: scope, coders: options.coders, callbacks: callbacks) { [token = options.token] in
            let client = try NativeClient.open(options: asked)
            do {
                if let token { try client.setToken(token: token) }
            } catch {
                client.shutDown()
                throw error
            }
            return client
        }
    }

    /// A client that `open` opens: for previews.
    package convenience init(scope: String, open: @escaping @Sendable () throws -> NativeClient) {
        let options = SyncOptions()
        self.init(scope: scope, coders: options.coders, callbacks: Callbacks(options), open: open)
    }

    private init(
        scope: String, coders: Coders, callbacks: Callbacks, open: @escaping @Sendable () throws -> NativeClient
    ) {
        self.scope = scope
        self.coders = coders
        self.callbacks = callbacks
        opening.begin(open) { [weak callbacks] in callbacks?.notOpened($0) }
    }

    deinit {
        opening.forget()
    }

    /// Whether it was closed or wiped.
    public var isClosed: Bool { opening.isClosed }

    /// What the client is doing. Its text is a line for a person.
    public var status: Watched<Status> {
        watched {
            Status($0.status())
        } feed: {
            $0.watchStatus(listener: $1)
        } read: {
            guard case .status(let status) = $0 else { return nil }
            return Status(status)
        }
    }

    /// The writes that the server has not confirmed, in order.
    public var pending: Watched<[PendingMutation]> {
        watched {
            try $0.pending().map(PendingMutation.init)
        } feed: {
            $0.watchPending(listener: $1)
        } read: {
            guard case .pending(let mutations) = $0 else { return nil }
            return mutations.map(PendingMutation.init)
        }
    }

    /// The writes that the server has refused, and that were neither retried nor discarded.
    public var rejected: Watched<[RejectedMutation]> {
        watched {
            try $0.rejected().map(RejectedMutation.init)
        } feed: {
            $0.watchRejected(listener: $1)
        } read: {
            guard case .rejected(let mutations) = $0 else { return nil }
            return mutations.map(RejectedMutation.init)
        }
    }

    /// How far the server's log has been pulled.
    public var cursor: UInt64 {
        get throws { try native.cursor() }
    }

    /// Whether the server answers.
    public var isOnline: Bool {
        get throws { try native.isOnline() }
    }

    /// The name under which the file is known to servers: for support, to find this device's mutations in a log.
    public var clientID: String {
        get throws { try native.clientId() }
    }

    /// The collection of this name, whose values are of this type.
    public func collection<Value: Codable & Sendable>(
        _ name: String, of type: Value.Type = Value.self
    ) -> SyncCollection<Value> {
        SyncCollection(client: self, codec: Codec(collection: name, coders: coders))
    }

    /// Starts the sync, which goes on in the background; as soon as the file is open. Never waits for the network.
    ///
    /// - Throws: ``SyncError/Code/alreadyStarted`` where that is known at once; otherwise ``SyncOptions/onError`` is told.
    public func start() throws {
        try opening.whenOpen { try $0.start() }
    }

    /// Stops the sync, within a second. No callback starts after it; reads and writes go on working. Of a closed client
    /// nothing is left to stop.
    public func stop() async throws {
        do {
            try await writing { $0.stop() }
        } catch let error as SyncError where error.code == .closed {
            // As it is to be.
        }
    }

    /// Stops the sync if it runs, and releases the file with all its locks: for an app that is about to be suspended.
    /// Returns when the writes that are under way are on disk. Reads and writes fail until it is resumed.
    public func pause() async throws {
        try await writing { try $0.pause() }
    }

    /// Takes the file again after ``pause()``, and starts the sync if it ran.
    public func resume() async throws {
        try await writing { try $0.resume() }
    }

    /// Stops the sync and frees the file for good. Loops over values end; whatever is called later throws
    /// ``SyncError/Code/closed``. No callback starts after it.
    public func close() {
        opening.close()
        callbacks.end()
        for wakes in watching.with({ $0.values.map { $0 } }) { wakes.end() }
    }

    /// Closes the client and deletes its file, for a user who signs out.
    ///
    /// - Parameter loseUnsent: whether writes may be lost that the server has not confirmed.
    /// - Throws: ``SyncError/Code/unsent`` when writes would be lost; then nothing has happened.
    public func wipe(loseUnsent: Bool = false) async throws {
        try await writing { try $0.wipe(lose: loseUnsent) }
        close()
    }

    /// Replaces the token. Requests to come have it, the live socket is opened anew with it, and a sync that waits for a
    /// token goes on.
    public func setToken(_ token: String) throws {
        try opening.whenOpen { try $0.setToken(token: token) }
    }

    /// What the platform says of the network. The library for iOS calls this. May be called at any time: of a client that is
    /// closed it is no concern, and so with the next two.
    public func setNetwork(isUp: Bool) {
        opening.ifOpen { $0.setNetwork(up: isUp) }
    }

    /// Whether the app is seen. The library for iOS calls this.
    public func setForeground(_ isForeground: Bool) {
        opening.ifOpen { $0.setForeground(foreground: isForeground) }
    }

    /// For an app that hears of changes by itself, by a push notification say: the server's log has grown up to here.
    public func notifyLive(cursor: UInt64) {
        opening.ifOpen { $0.notifyLive(cursor: cursor) }
    }

    /// The open client; waits for it.
    var native: NativeClient {
        get throws { try opening.client }
    }

    /// Calls what waits for the disk, or for the client to be opened, on a thread that may.
    func writing<R: Sendable>(_ call: @escaping @Sendable (NativeClient) throws -> R) async throws -> R {
        try Tracking.mayWrite()
        let native = try await opening.opened()
        return try await Work.run {
            do {
                return try call(native)
            } catch ApiError.Failed(let problem) {
                throw SyncError(problem)
            }
        }
    }

    /// Something is in the way of those who watch: told where the core tells, after what it tells now.
    private func failed(_ error: SyncError) {
        let telling = Telling { [weak callbacks] in callbacks?.failed(error) }
        do {
            try native.whenDelivered(listener: telling)
        } catch {
            // It tells nothing any more, or never did.
            telling.ready()
        }
    }

    /// Waits until the client is open, or the task is cancelled: for what only reads or waits.
    func opened() async throws {
        try await opening.openedUnlessCancelled()
    }

    /// Somebody hears of a close by `wakes`, until what this gives is gone; `nil` when it is closed.
    func heard(by wakes: Wakes) -> Heard? {
        watching.with { $0[ObjectIdentifier(wakes)] = wakes }
        if isClosed { wakes.end() }
        return Heard { [weak self, id = ObjectIdentifier(wakes)] in
            _ = self?.watching.with { $0.removeValue(forKey: id) }
        }
    }

    /// Values that `begin` makes a feed of, until the client is closed.
    func watching<R: Sendable>(
        _ begin: @escaping @Sendable (NativeClient, Wakes) throws -> Feed<R>
    ) -> Values<R> {
        Values {
            try begin(self.native, $0)
        } opened: {
            try await self.opened()
        } failed: {
            self.failed($0)
        } heard: {
            self.heard(by: $0)
        }
    }

    /// Values that a feed of the core has news of.
    func watch<R: Sendable>(
        _ feed: @escaping @Sendable (NativeClient, Wakes) throws -> NativeFeed,
        read: @escaping @Sendable (NativeClient, News) throws -> R?
    ) -> Values<R> {
        watching { native, wakes in
            let feed = try crossing { try feed(native, wakes) }
            return Feed {
                try crossing { try feed.next() }.flatMap { try read(native, $0) }
            } stop: {
                feed.stop()
            }
        }
    }

    private func watched<R: Sendable>(
        now: @escaping @Sendable (NativeClient) throws -> R,
        feed: @escaping @Sendable (NativeClient, Wakes) -> NativeFeed,
        read: @escaping @Sendable (News) -> R?
    ) -> Watched<R> {
        Watched(
            now: {
                let native = try self.native
                return try crossing { try now(native) }
            },
            values: watch(feed) { _, news in read(news) })
    }
}

extension SyncClient: CustomStringConvertible {
    public var description: String { "SyncClient(\(scope))" }
}
