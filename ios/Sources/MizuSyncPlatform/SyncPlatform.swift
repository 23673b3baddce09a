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
        public var onError: (SyncClient, any Error) -> Void {
            get { presence.onError }
            set { presence.onError = newValue }
        }

        let presence = Presence(
            onError: { SystemLog.log(.error, "platform", "\($0) could not be paused or resumed: \($1)") },
            begin: { TimeOfIOS($0) })

        private let network = NetworkFollower()
        private var observers: [any NSObjectProtocol] = []

        private init() {}

        /// The clients that are attached.
        public var clients: [SyncClient] { presence.clients }

        /// Tells `client` from now on how things are. It is forgotten when it is closed, or the app has forgotten it.
        public func attach(_ client: SyncClient) {
            begin()
            client.setNetwork(isUp: network.isUp)
            presence.attach(client)
        }

        /// Tells `client` nothing more.
        public func detach(_ client: SyncClient) {
            presence.detach(client)
        }

        private func begin() {
            guard observers.isEmpty else { return }
            network.start { [weak self] isUp in
                for client in self?.clients ?? [] { client.setNetwork(isUp: isUp) }
            }
            observe(UIApplication.didEnterBackgroundNotification) { $0.leave() }
            observe(UIApplication.willEnterForegroundNotification) { $0.comeBack() }
            Task { await lookWhetherItIsSeen() }
        }

        /// iOS launches an app that is not seen too, for a refresh or a push, and never says then that it leaves the screen.
        private func lookWhetherItIsSeen() async {
            let time = TimeOfIOS {}
            // A client may be attached before there is a `UIApplication`; and there is no scene yet when there is one.
            try? await Task.sleep(for: .seconds(3))
            if presence.isSeen && UIApplication.shared.applicationState == .background { presence.leave() }
            time.end()
        }

        private func observe(_ name: Notification.Name, _ act: @escaping @MainActor @Sendable (Presence) -> Void) {
            let observer = NotificationCenter.default.addObserver(forName: name, object: nil, queue: .main) {
                [presence] _ in
                MainActor.assumeIsolated { act(presence) }
            }
            observers.append(observer)
        }
    }

    /// Time that iOS gives an app that has left the screen.
    @MainActor
    @available(iOSApplicationExtension, unavailable)
    private final class TimeOfIOS: BackgroundTime {
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
