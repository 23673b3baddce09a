// Figures, not checks: `cargo xtask swift run -c release Figures` prints them. Each is a ratio to a floor that was measured in
// the same run, or a latency.
import Foundation
import MizuSync
import MizuSyncTesting

/// A row of about 190 bytes of JSON.
struct Item: Codable, Equatable, Sendable {
    var title: String
    var notes: String
    var done: Bool
    var priority: Int
    var due: String?
    var tags: [String]

    init(_ number: Int) {
        title = "Task number \(number) of a long list"
        notes = "Something that has to be remembered about number \(number)"
        done = number % 3 == 0
        priority = number % 5
        due = number % 2 == 0 ? "2027-01-01T10:00:00Z" : nil
        tags = ["home", "errand"]
    }
}

func time(_ work: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try work()
    return (ContinuousClock.now - start) / .milliseconds(1)
}

func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }

func percent(_ times: [Double], _ percent: Int) -> String {
    String(format: "%.0f µs", times.sorted()[times.count * percent / 100] * 1_000)
}

// Typed rows of a list, against the decoding of the same bytes.
let client = try SyncClient.inMemory()
let items = client.collection("task", of: Item.self)
for chunk in 0..<10 {
    try await client.batch { batch in
        for number in chunk * 1_000..<(chunk + 1) * 1_000 {
            try batch.create(items, "task-\(number)", Item(number))
        }
    }
}
let bytes = try JSONEncoder().encode(items.all().map(\.value))
let decoder = JSONDecoder()
var rounds: [(floor: Double, ours: Double)] = []
for _ in 0..<15 {
    let floor = try time { _ = try decoder.decode([Item].self, from: bytes) }
    let ours = try time { _ = try items.all() }
    rounds.append((floor, ours))
}
let floor = median(rounds.map(\.floor))
let ours = median(rounds.map(\.ours))
print(
    String(format: "all() of 10,000 rows: %.1f ms, JSONDecoder alone: %.1f ms, ratio %.2f", ours, floor, ours / floor))
client.close()

// From a write to the next element of a loop.
for database in [
    Database.inMemory, .file(FileManager.default.temporaryDirectory.appendingPathComponent("\(newID()).db")),
] {
    let client = try SyncClient.inMemory { $0.database = database }
    let items = client.collection("task", of: Item.self)
    let one = try await items.create("one", Item(0))
    let values = one.values.makeAsyncIterator()
    _ = await values.next()
    var times: [Double] = []
    for round in 0..<2_000 {
        let start = ContinuousClock.now
        try await one.update { $0.priority = round + 1 }
        let seen = await values.next()
        precondition(seen??.priority == round + 1)
        times.append((ContinuousClock.now - start) / .milliseconds(1))
    }
    times.removeFirst(500)
    let place = database == .inMemory ? "in memory" : "on disk"
    print("write to element, \(place): p50 \(percent(times, 50)), p99 \(percent(times, 99))")
    try await client.wipe(loseUnsent: true)
}

// From a signal to its effect.
func measureEffect() async {
    let signal = Signal(0)
    let (runs, ran) = AsyncStream<Int>.makeStream()
    let effect = Effect(on: DispatchQueue(label: "figures")) { ran.yield(signal.value) }
    var seen = runs.makeAsyncIterator()
    _ = await seen.next()
    var times: [Double] = []
    for round in 0..<5_000 {
        let start = ContinuousClock.now
        signal.value = round + 1
        _ = await seen.next()
        times.append((ContinuousClock.now - start) / .milliseconds(1))
    }
    effect.stop()
    times.removeFirst(1_000)
    print("signal to effect: p50 \(percent(times, 50)), p99 \(percent(times, 99))")
}
await measureEffect()
