import MizuSync

/// Time that the system gives an app that nobody sees any more.
@MainActor
package protocol BackgroundTime: AnyObject {
    /// Whether there is none left.
    var isOver: Bool { get }

    /// No more is needed.
    func end()
}

/// Keeps the clients of an app open while it is seen, or while something is done in the background, and paused otherwise. Knows
/// nothing of UIKit.
@MainActor
package final class Presence {
    /// Begins time in the background; what it is given is called when that is nearly over.
    package typealias Begin = @MainActor (_ expired: @escaping @MainActor @Sendable () -> Void) -> any BackgroundTime

    /// Called when a client could not be paused or resumed.
    package var onError: (SyncClient, any Error) -> Void

    /// Until the system has told, it is taken for granted.
    package private(set) var isSeen = true

    /// How often the app has left.
    private var leavings = 0

    private let begin: Begin
    private var attached: [Attached] = []
    /// What is to be done with the clients, one after the other.
    private var last: Task<Void, Never>?
    /// What waits for the queue to be sent, while the app is leaving.
    private var drain: Task<Void, Never>?
    /// What is done in the background.
    private var work: Task<Void, Never>?

    /// The app has the client, and may forget it.
    private struct Attached {
        weak var client: SyncClient?
    }

    package init(onError: @escaping (SyncClient, any Error) -> Void, begin: @escaping Begin) {
        self.onError = onError
        self.begin = begin
    }

    package var clients: [SyncClient] {
        attached.compactMap(\.client).filter { !$0.isClosed }
    }

    package func attach(_ client: SyncClient) {
        attached = (clients.filter { $0 !== client } + [client]).map { Attached(client: $0) }
        client.setForeground(isSeen)
    }

    package func detach(_ client: SyncClient) {
        attached.removeAll { $0.client === client }
    }

    /// The app is not seen any more.
    package func leave() {
        isSeen = false
        leavings += 1
        for client in clients { client.setForeground(false) }
        let time = begin { [weak self] in
            self?.work?.cancel()
            self?.drain?.cancel()
        }
        enqueue { [leavings] in
            let clients = self.clients
            let drain = Task { await Self.flush(clients) }
            self.drain = drain
            if self.isSeen || time.isOver { drain.cancel() }
            await drain.value
            self.drain = nil
            // If it has left again meanwhile, that is in the queue.
            if !self.isSeen && leavings == self.leavings { await self.pause(clients) }
            time.end()
        }
    }

    /// The app is about to be seen.
    package func comeBack() {
        isSeen = true
        for client in clients { client.setForeground(true) }
        drain?.cancel()
        enqueue { await self.resume(self.clients) }
    }

    /// Runs `work` with clients that are open, also while the app is not seen; they are paused afterwards if it is not. Cancelling
    /// the task cancels it.
    package func withOpenClients(_ work: @escaping @MainActor ([SyncClient]) async -> Void) async {
        let done = enqueue {
            let clients = self.clients
            await self.resume(clients)
            await work(clients)
            self.work = nil
            if !self.isSeen { await self.pause(clients) }
        }
        self.work = done
        await withTaskCancellationHandler {
            await done.value
        } onCancel: {
            done.cancel()
        }
    }

    /// Waits until all of it is done.
    package func settled() async {
        await last?.value
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
