//! One exchange with the server: from what the engine asks to what the answer says. The same in the app and
//! in the simulator, which bring their own [`Transport`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use mizu_sync_protocol::Code;
use mizu_sync_protocol::push::PushResult;

use crate::model::{ServerEntity, Unreadable};
use crate::net::{Endpoint, Request, Response, Transport, TransportError};
use crate::store::{Store, StoreError};
use crate::sync::answer::{self, Incoming};
use crate::sync::snapshot::RowSink;
use crate::sync::{Answer, Dialect, Exchange, Failure, Head, Plan, Reply, encode};
use crate::time::Timestamp;

/// See [`Transport::conceal`].
pub type Conceal<'a> = &'a dyn Fn(String) -> String;

/// What every exchange of a client needs.
pub struct Exchanger<'a> {
    pub scope: &'a str,
    pub base_url: &'a str,
    pub dialect: Option<&'a dyn Dialect>,
    pub store: &'a Store,
    /// See [`Store::session`].
    pub session: u64,
}

impl Exchanger<'_> {
    /// Makes the exchange, and waits for its end. The rows of a snapshot are in the stage then.
    pub fn run(&self, exchange: Exchange, transport: &dyn Transport) -> Answer {
        let response = self
            .request(&exchange)
            .and_then(|request| self.send(&request, transport).map_err(Failure::Offline));
        self.answer(exchange, response, &|text| concealed(transport, text))
    }

    /// The request to send.
    ///
    /// # Errors
    /// When the dialect cannot say a mutation.
    pub fn request(&self, exchange: &Exchange) -> Result<Request, Failure> {
        let Exchange { plan, log, .. } = exchange;
        let body = guarded(|| {
            encode::body(plan, self.scope, self.dialect).map_err(|(_, reason)| Failure::Dialect(reason))
        })?;
        Ok(Request { endpoint: endpoint(plan), log: log.as_ref().map(ToString::to_string), body })
    }

    /// A panic of an app's own transport is like a broken network.
    fn send(&self, request: &Request, transport: &dyn Transport) -> Result<Response, TransportError> {
        catch_unwind(AssertUnwindSafe(|| transport.exchange(request))).unwrap_or_else(|_| {
            let url = format!("{}/{}", self.base_url, request.endpoint.path());
            Err(TransportError::Unreachable { url, reason: "the transport panicked".to_owned() })
        })
    }

    /// What came of the exchange. `conceal` takes out of the server's words what must not be shown.
    pub fn answer(
        &self,
        exchange: Exchange,
        response: Result<Response, Failure>,
        conceal: Conceal<'_>,
    ) -> Answer {
        let Exchange { ticket, plan, .. } = exchange;
        let head = response.as_ref().ok().map(|response| Head {
            extended: response.extended,
            server_time: response.server_time.map(Timestamp::from),
        });
        let read = |mut response| guarded(|| self.read(&plan, &mut response, conceal));
        let result = match response.and_then(read) {
            Ok(Reply::Push(results)) => {
                Ok(Reply::Push(results.into_iter().map(|result| conceal_result(result, conceal)).collect()))
            }
            Ok(reply) => Ok(reply),
            Err(failure) => Err(conceal_failure(failure, conceal)),
        };
        Answer { ticket, lane: plan.lane(), head, result }
    }

    fn read(&self, plan: &Plan, response: &mut Response, conceal: Conceal<'_>) -> Result<Reply, Failure> {
        let url = format!("{}/{}", self.base_url, endpoint(plan).path());
        let mut incoming = Incoming {
            status: response.status,
            retry_after: response.retry_after,
            body: &mut response.body,
            body_error: &|error| TransportError::from_io(&url, error),
            conceal,
        };
        let generation = if let Plan::Snapshot { generation, .. } = plan { *generation } else { 0 };
        let mut sink = StageSink { store: self.store, place: (self.session, generation) };
        answer::read(plan, &mut incoming, self.dialect, &mut sink)
    }
}

/// A panic of an app's own transport conceals everything.
pub fn concealed(transport: &dyn Transport, text: String) -> String {
    catch_unwind(AssertUnwindSafe(|| transport.conceal(text))).unwrap_or_default()
}

/// What follows from a result is decided by its code: one of the protocol's is no secret, whatever it looks like.
fn conceal_result(result: PushResult, conceal: Conceal<'_>) -> PushResult {
    let PushResult { code, error, .. } = &result;
    let known = Code::of_result(code.as_deref(), error.as_deref());
    PushResult {
        code: known.map(|code| code.as_str().to_owned()).or_else(|| result.code.map(conceal)),
        error: result.error.map(conceal),
        ..result
    }
}

fn conceal_failure(failure: Failure, conceal: Conceal<'_>) -> Failure {
    use TransportError::{Interrupted, TimedOut, Tls, Unreachable};
    match failure {
        Failure::Offline(Unreachable { url, reason }) => {
            Failure::Offline(Unreachable { url, reason: conceal(reason) })
        }
        Failure::Offline(Tls { url, reason }) => Failure::Offline(Tls { url, reason: conceal(reason) }),
        Failure::NotProtocol(reason) => Failure::NotProtocol(conceal(reason)),
        Failure::Dialect(reason) => Failure::Dialect(conceal(reason)),
        // Its words were concealed when they were read.
        Failure::Status { .. }
        | Failure::Offline(TimedOut { .. } | Interrupted { .. })
        | Failure::TooLarge
        | Failure::Store(_) => failure,
    }
}

/// A panic of the app's dialect must not end this thread.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|_| Err(Failure::Dialect("it panicked".to_owned())))
}

const fn endpoint(plan: &Plan) -> Endpoint {
    match plan {
        Plan::Push { .. } => Endpoint::Push,
        Plan::Pull { .. } => Endpoint::Pull,
        Plan::Snapshot { .. } => Endpoint::Snapshot,
    }
}

struct StageSink<'a> {
    store: &'a Store,
    place: (u64, u64),
}

impl RowSink for StageSink<'_> {
    fn rows(&mut self, rows: &[ServerEntity], unreadable: &[Unreadable]) -> Result<(), StoreError> {
        self.store.stage_rows(self.place, rows, unreadable)
    }
}
