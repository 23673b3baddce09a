#if canImport(BackgroundTasks) && canImport(UIKit) && !os(watchOS)
    import BackgroundTasks
    import Foundation
    import MizuSync

    /// Syncs from time to time while the app is not seen, so that it has news when it is opened. How often that is, iOS decides.
    ///
    /// Name ``identifier`` in `Info.plist` under `BGTaskSchedulerPermittedIdentifiers`, with the background mode `fetch`, and
    /// call ``register(every:)`` before the app has finished launching.
    @available(iOSApplicationExtension, unavailable)
    public enum BackgroundRefresh {
        /// The name of the task.
        public static let identifier = "dev.mizu.sync.refresh"

        /// Says what the task does, and asks for the first.
        ///
        /// - Parameter interval: how long to wait between two at least, in seconds.
        @MainActor
        public static func register(every interval: TimeInterval = 4 * 3_600) {
            BGTaskScheduler.shared.register(forTaskWithIdentifier: identifier, using: .main) { task in
                // It is not `Sendable`, and does not leave the main queue, on which this runs.
                nonisolated(unsafe) let task = task
                MainActor.assumeIsolated { run(task, interval) }
            }
            schedule(after: interval)
        }

        private static func schedule(after interval: TimeInterval) {
            let request = BGAppRefreshTaskRequest(identifier: identifier)
            request.earliestBeginDate = Date(timeIntervalSinceNow: interval)
            do {
                try BGTaskScheduler.shared.submit(request)
            } catch {
                // The user has switched it off, or the app does not permit it in its Info.plist.
                SystemLog.log(.warn, "platform", "iOS does not take the background refresh: \(error)")
            }
        }

        @MainActor
        private static func run(_ task: BGTask, _ interval: TimeInterval) {
            schedule(after: interval)
            let work = Task {
                var hasSynced = true
                await SyncPlatform.shared.presence.withOpenClients { clients in
                    for client in clients {
                        do { try await client.sync(timeout: .seconds(20)) } catch { hasSynced = false }
                    }
                }
                task.setTaskCompleted(success: hasSynced && !Task.isCancelled)
            }
            // Ends the wait; the clients are paused, and the task is completed. iOS calls it on a thread of its own: without
            // `@Sendable` it would be of the main actor, and end the app there.
            task.expirationHandler = { @Sendable in work.cancel() }
        }
    }
#endif
