import Foundation
import MizuSync
import Testing

/// Longer than anything in a test takes.
let soon = Duration.seconds(60)

/// Where a test may wait without taking a thread of Swift's concurrency.
func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: work)) }
    }
}

/// Runs what suspends where nothing may; not on a thread of Swift's concurrency.
func blocking<Result: Sendable>(_ work: @escaping @Sendable () async throws -> Result) throws -> Result {
    let done = DispatchSemaphore(value: 0)
    let outcome = Box<Swift.Result<Result, any Error>?>(nil)
    Task {
        do { outcome.value = .success(try await work()) } catch { outcome.value = .failure(error) }
        done.signal()
    }
    done.wait()
    guard let outcome = outcome.value else { throw Wrong("it gave nothing") }
    return try outcome.get()
}

/// A value that several threads have, one at a time.
final class Box<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var held: Value

    init(_ value: Value) {
        held = value
    }

    var value: Value {
        get { lock.withLock { held } }
        set { lock.withLock { held = newValue } }
    }

    func with<R>(_ work: (inout Value) throws -> R) rethrows -> R {
        try lock.withLock { try work(&held) }
    }
}

extension Box {
    /// What is there.
    func get<Held>() throws -> Held where Value == Held? {
        guard let held = value else { throw Wrong("it is gone") }
        return held
    }

    /// Waits until nobody else holds the object.
    func isAlone<Held: AnyObject>() async where Value == Held? {
        while !with({ isKnownUniquelyReferenced(&$0) }) { await Task.yield() }
    }
}

/// Shut until it is opened, for good.
final class Gate: Sendable {
    private let isOpen = DispatchSemaphore(value: 0)

    func open() {
        isOpen.signal()
    }

    /// Waits until it is open, on a thread that may. One that stays shut is an error.
    func pass() throws {
        guard isOpen.wait(timeout: .now() + .seconds(Int(soon.components.seconds))) == .success else {
            throw Wrong("nobody opens it")
        }
        isOpen.signal()
    }

    func passed() async throws {
        try await onThread { try self.pass() }
    }
}

/// A folder that goes with this object.
final class Folder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("mizu-\(newID())", isDirectory: true)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    func file(_ name: String) -> URL {
        url.appendingPathComponent(name)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }
}

/// Something is not as it is to be.
struct Wrong: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Waits until this is so, by the effects of what it reads.
func becomes(_ isSo: @escaping @Sendable () throws -> Bool) async throws {
    let seen = Computed<Bool> { try isSo() }
    for await now in seen.values where now { return }
}

/// Expects `call` to fail with an error of the SDK, in one sentence that has these words.
func refused(
    _ code: SyncError.Code, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ call: () async throws -> Void
) async {
    do {
        try await call()
        Issue.record("it does not fail", sourceLocation: sourceLocation)
    } catch let error as SyncError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(error.localizedDescription == error.message, sourceLocation: sourceLocation)
        expectSentence(error.message, words, sourceLocation: sourceLocation)
    } catch {
        Issue.record("it fails with \(error)", sourceLocation: sourceLocation)
    }
}

/// That a person can read it: one sentence without the names of things inside.
func expectSentence(_ text: String, _ words: [String] = [], sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(text.count > 10 && !text.contains("\n"), "\(text)", sourceLocation: sourceLocation)
    for technical in ["Native", "src/", ".rs", "::", "Swift."] {
        #expect(!text.contains(technical), "\(technical) is not for a person: \(text)", sourceLocation: sourceLocation)
    }
    for word in words { #expect(text.contains(word), "\(text)", sourceLocation: sourceLocation) }
}

extension SyncClient {
    var todos: SyncCollection<Todo> { collection("todo") }
}
