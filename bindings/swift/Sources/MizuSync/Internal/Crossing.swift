internal import MizuSyncNative

/// Calls the core, whose errors become errors of the SDK. Every call that can fail goes through here.
package func crossing<Result>(_ call: () throws -> Result) throws -> Result {
    do {
        return try call()
    } catch ApiError.Failed(let problem) {
        throw SyncError(problem)
    } catch let failure as SyncError {
        throw failure
    } catch {
        throw SyncError(.bug, "the SDK has failed, which is a bug; please report it: \(error)")
    }
}
