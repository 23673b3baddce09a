#if canImport(Network)
    import Dispatch
    import Network

    /// Tells whether the device has a network, now and whenever that changes. When it moves from one network to another it tells
    /// that there is none, and that there is one: connections over the old one are dead, and are opened anew at once. There
    /// is one, for as long as the app runs.
    @MainActor
    final class NetworkFollower {
        private let monitor = NWPathMonitor()
        private var interface: String?
        private var changed: (Bool) -> Void = { _ in }

        /// Until iOS has told, it is taken for granted.
        private(set) var isUp = true

        func start(_ changed: @escaping (Bool) -> Void) {
            self.changed = changed
            monitor.pathUpdateHandler = { [weak self] path in
                let isUp = path.status == .satisfied
                let interface = path.availableInterfaces.first?.name
                MainActor.assumeIsolated { self?.update(isUp: isUp, interface: interface) }
            }
            monitor.start(queue: .main)
        }

        private func update(isUp: Bool, interface: String?) {
            let isOther = isUp && self.isUp && self.interface != nil && interface != self.interface
            self.interface = interface
            if isOther { changed(false) }
            self.isUp = isUp
            changed(isUp)
        }
    }
#endif
