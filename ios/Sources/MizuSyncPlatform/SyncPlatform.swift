#if canImport(UIKit) && !os(watchOS)
    public import MizuSync
    import UIKit

    /// Tells clients what iOS tells the app: whether there is a network, whether the app is seen, and that it is about to be
    /// suspended.
    ///
    /// ```swift
    /// SyncPlatform.shared.attach(client)
    /// ```
    ///
    /// When the app leaves the screen its clients send what waits, in the time that iOS gives for that, and are then
    /// [paused](doc:MizuSync/SyncClient/pause()): iOS ends an app that is suspended with a lock on a file (`0xdead10cc`). They are
    /// resumed before it is seen again. Reads and writes in between fail, but for those in ``BackgroundRefresh``.
    @MainActor
    @available(iOSApplicationExtension, unavailable)
    public final class SyncPlatform {
        /// Of this app.
        public static let shared = SyncPlatform()

        /// Called when a client could not be paused or resumed. Another process may have its file.
        public var onError: (SyncClient, any Error) -> Void = { client, error in
            SystemLog.log(.error, "platform", "\(client) could not be paused or resumed: \(error)")
        }

        private let network = NetworkFollower()
        private var attached: [Attached] = []
        private var observers: [any NSObjectProtocol] = []
        /// What is to be done with the clients, one after the other.
        private var last: Task<Void, Never>?
        /// What waits for the queue to be sent, while the app is leaving.
        private var drain: Task<Void, Never>?
        private var isSeen = false

        /// The app has the client, and may forget it.
        private struct Attached {
            weak var client: SyncClient?
        }

        private init() {}

        /// The clients that are attached.
        public var clients: [SyncClient] {
            attached.compactMap(\.client).filter { !$0.isClosed }
        }

        /// Tells `client` from now on how things are. It is forgotten when it is closed, or the app has forgotten it.
        public func attach(_ client: SyncClient) {
            begin()
            attached.removeAll { $0.client == nil || $0.client?.isClosed == true || $0.client === client }
            attached.append(Attached(client: client))
            client.setNetwork(isUp: network.isUp)
            client.setForeground(isSeen)
        }

        /// Tells `client` nothing more.
        public func detach(_ client: SyncClient) {
            attached.removeAll { $0.client === client }
        }

        /// Runs `work` with clients that are open, also while the app is not seen; they are paused afterwards if they were
        /// before. Cancelling the task cancels it.
        func withOpenClients(_ work: @escaping @MainActor ([SyncClient]) async -> Void) async {
            let done = enqueue {
                let wasSeen = self.isSeen
                let clients = self.clients
                if !wasSeen { await self.resume(clients) }
                await work(clients)
                if !self.isSeen { await self.pause(clients) }
            }
            await withTaskCancellationHandler {
                await done.value
            } onCancel: {
                done.cancel()
            }
        }

        private func begin() {
            guard observers.isEmpty else { return }
            isSeen = UIApplication.shared.applicationState != .background
            network.start { [weak self] isUp in
                for client in self?.clients ?? [] { client.setNetwork(isUp: isUp) }
            }
            observe(UIApplication.didEnterBackgroundNotification) { $0.leave() }
            observe(UIApplication.willEnterForegroundNotification) { $0.comeBack() }
        }

        private func observe(_ name: Notification.Name, _ act: @escaping @MainActor @Sendable (SyncPlatform) -> Void) {
            let observer = NotificationCenter.default.addObserver(forName: name, object: nil, queue: .main) {
                [weak self] _ in
                MainActor.assumeIsolated { if let self { act(self) } }
            }
            observers.append(observer)
        }

        private func leave() {
            isSeen = false
            for client in clients { client.setForeground(false) }
            let time = BackgroundTime { [weak self] in self?.drain?.cancel() }
            enqueue {
                let clients = self.clients
                let drain = Task { await Self.flush(clients) }
                self.drain = drain
                if self.isSeen || time.isOver { drain.cancel() }
                await drain.value
                self.drain = nil
                // Also where the app is seen again: that is next in the queue.
                await self.pause(clients)
                time.end()
            }
        }

        private func comeBack() {
            isSeen = true
            drain?.cancel()
            enqueue {
                let clients = self.clients
                await self.resume(clients)
                for client in clients { client.setForeground(true) }
            }
        }

        @discardableResult
        private func enqueue(_ work: @escaping @MainActor () async -> Void) -> Task<Void, Never> {
            let before = last
            let next = Task {
                await before?.value
                await work()
            }
            last = next
            return next
        }

        /// Sends what waits. How it ends is the clients' business: what is left is sent the next time.
        private static func flush(_ clients: [SyncClient]) async {
            await withTaskGroup(of: Void.self) { group in
                for client in clients {
                    group.addTask { try? await client.flush(timeout: .seconds(25)) }
                }
            }
        }

        private func pause(_ clients: [SyncClient]) async {
            for client in clients where !client.isClosed {
                do { try await client.pause() } catch { onError(client, error) }
            }
        }

        private func resume(_ clients: [SyncClient]) async {
            for client in clients where !client.isClosed {
                do { try await client.resume() } catch { onError(client, error) }
            }
        }
    }

    /// Time that iOS gives an app that has left the screen.
    @MainActor
    @available(iOSApplicationExtension, unavailable)
    private final class BackgroundTime {
        private var id = UIBackgroundTaskIdentifier.invalid

        /// Whether there is none left.
        private(set) var isOver = false

        /// - Parameter expired: called when it is nearly over: what is to be done then must be done at once.
        init(_ expired: @escaping @MainActor @Sendable () -> Void) {
            id = UIApplication.shared.beginBackgroundTask(withName: "MizuSync") { [weak self] in
                MainActor.assumeIsolated {
                    self?.isOver = true
                    expired()
                }
            }
            // iOS gives none.
            if id == .invalid { isOver = true }
        }

        func end() {
            guard id != .invalid else { return }
            UIApplication.shared.endBackgroundTask(id)
            id = .invalid
        }
    }
#endif
