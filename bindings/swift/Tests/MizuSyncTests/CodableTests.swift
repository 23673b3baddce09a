import Foundation
import MizuSync
import MizuSyncTesting
import Testing

@Suite
struct CodableTests {
    struct Meeting: Codable, Hashable, Sendable {
        var at: Date
    }

    @Test(arguments: [
        ("2027-01-01T10:00:00Z", 0), ("2027-01-01T10:00:00.5Z", 0.5), ("2027-01-01T10:00:00.123Z", 0.123),
        ("2027-01-01T10:00:00.123456789Z", 0.123_456_789), ("2027-01-01T12:00:00.250+02:00", 0.25),
    ])
    func aTimeIsReadHoweverManyDigitsItsSecondsHave(_ text: String, _ part: Double) async throws {
        let server = try TestServer()
        try server.putJSON("user:1", "meeting", "a", #"{"at":"\#(text)"}"#)
        let client = try await server.client("user:1")
        let read = try #require(try client.collection("meeting", of: Meeting.self)["a"].get())
        #expect(abs(read.at.timeIntervalSince1970 - (1_798_797_600 + part)) < 0.000_001)
        client.close()
    }

    @Test(arguments: ["", "soon", "2027-01-01T10:00:00.Z", "2027-01-01T10:00:00.1", "2027-01-01.5T10:00:00Z"])
    func aTextThatIsNoTimeDoesNotFit(_ text: String) async throws {
        let server = try TestServer()
        try server.putJSON("user:1", "meeting", "a", #"{"at":"\#(text)"}"#)
        let client = try await server.client("user:1")
        await refused(.doesNotFit, "$.at") { _ = try client.collection("meeting", of: Meeting.self)["a"].get() }
        client.close()
    }

    @Test(arguments: [0, 0.001, 0.057, 0.123, 0.999, 0.999_9])
    func timesAreWrittenInMillisecondsAndOrderedAsTexts(_ part: Double) async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        let meetings = client.collection("meeting", of: Meeting.self)
        let now = Date(timeIntervalSince1970: 1_798_797_600 + part)
        try await meetings.create("b", Meeting(at: now))
        try await meetings.create("a", Meeting(at: now + 0.001))
        let written = try #require(try meetings["b"].get())
        #expect(abs(written.at.timeIntervalSince(now)) < 0.001)
        // What was read is written as it was.
        try await meetings["b"].set(written)
        #expect(try meetings["b"].get() == written)
        #expect(try meetings.query().order(by: "at").all().map(\.id) == ["b", "a"])
        #expect(try meetings.query().where("at", equals: now).all().map(\.id) == ["b"])
        client.close()
    }

    @Test
    func aTimeThatNoTextHasIsRefusedAndAnyOtherIsReadAsItWasWritten() async throws {
        let client = try SyncClient.inMemory()
        let meetings = client.collection("meeting", of: Meeting.self)
        for date in [Date.distantPast, .distantFuture, Date(timeIntervalSince1970: 253_402_300_799.999)] {
            let read = try await meetings.add(Meeting(at: date)).get()
            #expect(abs(try #require(read).at.timeIntervalSince(date)) < 0.001)
        }
        for time in [Double.infinity, -.infinity, .nan, 1e300, 253_402_300_800] {
            let date = Date(timeIntervalSince1970: time)
            await refused(.invalidValue, "$.at") { try await meetings.add(Meeting(at: date)) }
            #expect(try meetings.query().where("at", equals: date).count() <= 1)
        }
        client.close()
    }

    @Test
    func theNamesInJSONStayWhateverTheStrategyForNamesIs() async throws {
        struct Note: Codable, Hashable, Sendable {
            var createdBy: String
            var extra: JSON
        }
        let server = try TestServer()
        let client = try await server.client("user:1") {
            $0.encoder.keyEncodingStrategy = .convertToSnakeCase
            $0.decoder.keyDecodingStrategy = .convertFromSnakeCase
        }
        let note = Note(createdBy: "ann", extra: ["user_id": 1, "userId": 2, "list": [["first_name": ["x_y": nil]]]])
        let notes = client.collection("note", of: Note.self)
        try await notes.create("n", note)
        #expect(try notes["n"].get() == note)
        #expect(try notes.query().where("created_by", equals: "ann").all().map(\.value) == [note])
        client.close()
    }

    @Test
    func whatIsNoBasicTypeIsComparedAsItsJSONHasIt() async throws {
        enum Size: Int, Codable, QueryValue { case small, large }
        struct Item: Codable, Hashable, Sendable {
            var list: UUID
            var page: URL
            var size: Size
            var note: String?
        }
        let client = try SyncClient.inMemory()
        let items = client.collection("item", of: Item.self)
        let page = try #require(URL(string: "https://example.com/a?b=c#d"))
        let (item, other) = (
            Item(list: UUID(), page: page, size: .large, note: nil),
            Item(list: UUID(), page: page, size: .small, note: "x")
        )
        try await items.create("a", item)
        try await items.create("b", other)
        let nothing: String? = nil
        for filter in [
            field("list") == item.list, field("size") == Size.large, field("note") == nothing,
            field("list").isIn([item.list]) && field("page") == page,
        ] {
            #expect(try items.query().where(filter).all().map(\.value) == [item])
        }
        client.close()
    }

    /// Values of all kinds, as apps have them.
    struct Rich: Codable, Hashable, Sendable {
        enum Shape: Codable, Hashable, Sendable {
            case circle(Double)
            case box(width: Int, height: Int)
            case none
        }
        enum Tree<Element: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
            indirect case node(Tree, Element, Tree)
            case leaf
        }
        var data: Data?
        var price: Decimal?
        var number: Int64?
        var large: UInt64?
        var ratio: Double?
        var text: String?
        var shape: Shape?
        var tree: Tree<Int>?
        var nested: [[String: [Int?]]]?
    }

    @Test(arguments: [
        Rich(), Rich(data: Data([0, 1, 255]), price: Decimal(string: "12.30")), Rich(price: Decimal(1) / Decimal(3)),
        Rich(number: .max, large: .max, ratio: .pi), Rich(number: .min, ratio: -0.0), Rich(number: (1 << 53) + 1),
        Rich(ratio: .greatestFiniteMagnitude), Rich(ratio: .leastNonzeroMagnitude), Rich(text: ""),
        Rich(text: "a\0b👩‍👩‍👧‍👦e\u{301}\u{2028}\u{FFFF}\"\\/"), Rich(shape: .box(width: 1, height: 2)),
        Rich(shape: Rich.Shape.none),
        Rich(tree: .node(.leaf, 3, .node(.leaf, 4, .leaf))), Rich(nested: [["a": [1, nil]], [:]]),
    ])
    func aValueIsReadAsItWasWritten(_ value: Rich) async throws {
        let server = try TestServer()
        let client = try await server.client("user:1")
        let riches = client.collection("rich", of: Rich.self)
        let entity = try await riches.create("👩‍👩‍👧‍👦\0/..", value)
        #expect(try entity.get() == value)
        try await client.sync(timeout: soon)
        #expect(try riches.all().map(\.value) == [value])
        try await entity.update { $0 = Rich(text: "other") }
        #expect(try entity.get() == Rich(text: "other"))
        try await entity.set(value)
        #expect(try riches.all().map(\.value) == [value])
        client.close()
    }
}
