//! Requests and answers on their way.

use std::io::Cursor;
use std::time::{Duration, SystemTime};

use mizu_sync::net::{Lane, Phase, Request, Response, TransportError};
use mizu_sync::simulation::{Event, Exchange, Exchanger, Failure, Plan, Store};

use crate::backend::Weather;
use crate::device::BASE_URL;
use crate::fault::Fault;
use crate::mutator::{Poison, SCOPE};
use crate::network::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, Trouble};
use crate::trace::Fnv;
use crate::violation::{Check, Checked, Violation};
use crate::world::{Happening, World};

/// The longest `Retry-After` that a client obeys.
const MOST_RETRY_AFTER: Duration = Duration::from_secs(300);
/// Requests that a client may make in the background without anything that asks for one.
const MOST_IN_BACKGROUND: u32 = 120;

/// A request on its way to the server.
#[derive(Clone)]
pub struct Parcel {
    device: usize,
    incarnation: u64,
    ticket: u64,
    token: u64,
    request: Request,
}

/// An answer as the wire carries it.
struct Answer {
    status: u16,
    extended: bool,
    server_time: SystemTime,
    retry_after: Option<Duration>,
    body: Vec<u8>,
    /// The epoch of the server that gave it.
    epoch: u32,
}

/// What comes of a request at its device.
pub struct Landing {
    /// The device.
    pub device: usize,
    incarnation: u64,
    ticket: u64,
    result: Result<Answer, Failure>,
}

impl Landing {
    /// There is no answer.
    #[must_use]
    pub fn failed(device: usize, incarnation: u64, ticket: u64, failure: Failure) -> Self {
        Self { device, incarnation, ticket, result: Err(failure) }
    }

    /// Whether it is a message, not the device's own finding that there is none.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        self.result.is_ok()
    }
}

impl World {
    /// A device sends a request.
    ///
    /// # Errors
    /// When it should not.
    pub fn send(&mut self, device: usize, exchange: Exchange) -> Checked {
        let incarnation = self.devices[device].incarnation;
        let text = crate::words::plan(&exchange.plan);
        let Some(process) = &mut self.devices[device].process else { return Ok(()) };
        let ticket = exchange.ticket;
        let request = exchanger(&process.store).request(&exchange);
        process.flights.push(exchange);
        let land = |failure| Box::new(Landing::failed(device, incarnation, ticket, failure));
        let request = match request {
            Ok(request) => request,
            Err(failure) => {
                self.schedule.after(Duration::ZERO, Happening::Lands(land(failure)));
                return Ok(());
            }
        };
        let hash = Fnv::of(&request.body);
        self.note(format_args!("d{device} sends {ticket}: {text}, log {:?}, {hash:016x}", request.log));
        self.watch_background(device)?;

        let now = self.now();
        let url = || BASE_URL.to_owned();
        let timed_out = |phase| Failure::Offline(TransportError::TimedOut { url: url(), phase });
        let link = &self.devices[device].link;
        if !link.lets_out(now) {
            if let Some(fault) = match link.trouble(now) {
                Some(Trouble::NoneIn) => Some(Fault::PartitionIn),
                Some(Trouble::NoneOut) => Some(Fault::PartitionOut),
                Some(Trouble::Cut) => Some(Fault::PartitionBoth),
                _ => None,
            } {
                self.faults.count(fault);
            }
            self.schedule.after(CONNECT_TIMEOUT, Happening::Lands(land(timed_out(Phase::Connect))));
            return Ok(());
        }
        self.schedule.after(ANSWER_TIMEOUT, Happening::Lands(land(timed_out(Phase::Wait))));
        let token = self.devices[device].token.number;
        let parcel = Box::new(Parcel { device, incarnation, ticket, token, request });
        if self.strikes(self.plan.lost_request) {
            self.faults.count(Fault::LostRequest);
            return Ok(());
        }
        if self.strikes(self.plan.duplicated) {
            self.faults.count(Fault::DuplicatedRequest);
            let delay = self.way(device);
            self.schedule.after(delay, Happening::Arrives(parcel.clone()));
        }
        let delay = self.way(device);
        self.schedule.after(delay, Happening::Arrives(parcel));
        Ok(())
    }

    /// How long a message is on its way that is sent now.
    pub fn way(&mut self, device: usize) -> Duration {
        let mut delay = self.about(self.plan.latency);
        if self.strikes(self.plan.delayed) {
            self.faults.count(Fault::Delay);
            delay += self.about(Duration::from_secs(6));
        }
        let arrival = self.now() + delay;
        if self.devices[device].link.sends(arrival) {
            self.faults.count(Fault::Reordered);
        }
        delay
    }

    /// A request reaches the server.
    ///
    /// # Errors
    /// When what the server does violates a promise.
    pub fn arrives(&mut self, parcel: &Parcel) -> Checked {
        let now = self.now();
        let (device, ticket) = (parcel.device, parcel.ticket);
        if self.devices[device].link.trouble(now) == Some(Trouble::Portal) {
            self.faults.count(Fault::CaptivePortal);
            let body = b"<html>Please sign in to this network</html>".to_vec();
            let answer = self.strange_answer(200, body);
            return self.reply(parcel, answer);
        }
        if self.strikes(self.plan.server_death) && self.rng.bool() {
            self.faults.count(Fault::ServerDeathBeforeHandling);
            return self.server_dies(parcel);
        }
        let (weather, until) = self.backend.weather;
        let weather = if now < until { weather } else { Weather::Fair };
        if let Some((status, retry_after)) = self.refusal(weather, parcel) {
            self.note(format_args!("the server refuses {ticket} of d{device}: {status}"));
            let body = br#"{"code":"overloaded","error":"come again"}"#.to_vec();
            let answer = Answer { retry_after, ..self.strange_answer(status, body) };
            return self.reply(parcel, answer);
        }
        if parcel.token < self.devices[device].token.least {
            self.faults.count(Fault::ExpiredToken);
            self.note(format_args!("the server does not accept the token of {ticket} of d{device}"));
            let body = br#"{"code":"internal_error","error":"who are you?"}"#.to_vec();
            let answer = self.plain_answer(401, body);
            return self.reply(parcel, answer);
        }
        let has = |name: &str| String::from_utf8_lossy(&parcel.request.body).contains(name);
        if has(Poison::Breaks.name()) {
            self.faults.count(Fault::BreakingPoison);
            self.break_connection(parcel);
            return Ok(());
        }
        if has(Poison::Hangs.name()) {
            self.faults.count(Fault::SilentPoison);
            return Ok(());
        }
        let before = self.backend.history.len();
        let reply = self.backend.handle(&parcel.request, now, &mut self.ledger)?;
        self.count_failures();
        let Some(reply) = reply else {
            self.break_connection(parcel);
            return Ok(());
        };
        let applied = self.backend.history.len() - before;
        let hash = Fnv::of(&reply.body);
        self.note(format_args!(
            "the server answers {ticket} of d{device}: {}, applied {applied}, {hash:016x}",
            reply.status
        ));
        if applied > 0 {
            self.hint(highest_cursor(&reply.body));
        }
        if self.strikes(self.plan.server_death) && applied > 0 {
            self.faults.count(Fault::ServerDeathAfterCommit);
            return self.server_dies(parcel);
        }
        let answered = match weather {
            Weather::AnswersWith(status) => {
                self.faults.count(Fault::ErrorAfterCommit);
                self.strange_answer(status, b"<html>bad gateway</html>".to_vec())
            }
            _ => Answer {
                extended: reply.extended,
                retry_after: reply.retry_after,
                ..self.plain_answer(reply.status, reply.body)
            },
        };
        self.reply(parcel, answered)
    }

    fn plain_answer(&mut self, status: u16, body: Vec<u8>) -> Answer {
        let (server_time, epoch) = (self.backend.clock(self.now()), self.backend.history.epoch);
        Answer { status, extended: false, server_time, retry_after: None, body, epoch }
    }

    /// Of whoever stands between, whose clock may show anything.
    fn strange_answer(&mut self, status: u16, body: Vec<u8>) -> Answer {
        let mut answer = self.plain_answer(status, body);
        if self.rng.bool() {
            self.faults.count(Fault::StrangeClock);
            let days = Duration::from_secs(24 * 3600) * self.rng.u32(..40_000);
            answer.server_time = SystemTime::UNIX_EPOCH + days;
        }
        answer
    }

    /// With what the server refuses a request without looking at it, if it does.
    fn refusal(&mut self, weather: Weather, parcel: &Parcel) -> Option<(u16, Option<Duration>)> {
        match weather {
            Weather::Refuses(status, retry_after) => {
                self.faults.count(if status == 429 { Fault::TooManyRequests } else { Fault::ServerErrors });
                if retry_after.is_some() {
                    self.faults.count(Fault::RetryAfter);
                }
                Some((status, retry_after))
            }
            Weather::TakesAtMost(bytes) if parcel.request.body.len() > bytes => {
                self.faults.count(Fault::TooLarge);
                Some((413, None))
            }
            _ => None,
        }
    }

    fn count_failures(&mut self) {
        let mut desk = self.backend.app().desk();
        let failed = std::mem::take(&mut desk.failed);
        let refused = std::mem::take(&mut desk.refused);
        drop(desk);
        for (_, poison) in failed {
            self.faults.count(if poison { Fault::Poison } else { Fault::FreeTextOutage });
        }
        for _ in 0..refused {
            self.faults.count(Fault::Refusal);
        }
    }

    fn server_dies(&mut self, parcel: &Parcel) -> Checked {
        self.note(format_args!("the server dies"));
        let until = self.now() + self.about(Duration::from_secs(2));
        self.backend.die(until);
        self.drop_lines();
        self.break_connection(parcel);
        Ok(())
    }

    /// The device notices that its connection is broken.
    fn break_connection(&mut self, parcel: &Parcel) {
        let (url, reason) = (BASE_URL.to_owned(), "connection reset".to_owned());
        let failure = Failure::Offline(TransportError::Unreachable { url, reason });
        let delay = self.way(parcel.device);
        let landing = Landing::failed(parcel.device, parcel.incarnation, parcel.ticket, failure);
        self.schedule.after(delay, Happening::Lands(Box::new(landing)));
    }

    /// The server sends an answer.
    fn reply(&mut self, parcel: &Parcel, answer: Answer) -> Checked {
        let Parcel { device, incarnation, ticket, .. } = *parcel;
        if self.strikes(self.plan.lost_reply) {
            self.faults.count(Fault::LostReply);
            return Ok(());
        }
        let delay = self.way(device);
        let landing = Landing { device, incarnation, ticket, result: Ok(answer) };
        self.schedule.after(delay, Happening::Lands(Box::new(landing)));
        Ok(())
    }

    /// Something comes of a request at its device.
    ///
    /// # Errors
    /// When what the device does with it violates a promise.
    pub fn lands(&mut self, landing: Landing) -> Checked {
        let Landing { device, incarnation, ticket, result } = landing;
        let now = self.now();
        let mine = &mut self.devices[device];
        let Some(process) = mine.process.as_mut().filter(|_| mine.incarnation == incarnation) else {
            return Ok(());
        };
        let Some(place) = process.flights.iter().position(|exchange| exchange.ticket == ticket) else {
            return Ok(());
        };
        if result.is_ok() && !mine.link.lets_in(now) {
            if mine.link.trouble(now) == Some(Trouble::HalfOpen) {
                self.faults.count(Fault::HalfOpen);
            }
            return Ok(());
        }
        let exchange = process.flights.remove(place);
        let snapshot = matches!(exchange.plan, Plan::Snapshot { .. });
        let text = match &result {
            Ok(answer) => format!("{} of {} bytes", answer.status, answer.body.len()),
            Err(failure) => format!("{failure:?}"),
        };
        let alone = match &exchange.plan {
            Plan::Push { mutations, .. } if mutations.len() == 1 => {
                mutations.first().map(|mutation| (mutation.seq, mutation.id.clone()))
            }
            _ => None,
        };
        if let Ok(answer) = &result {
            if exchange.plan.lane() == Lane::Pull {
                process.answer_epoch = answer.epoch;
            }
            if let Some(after) = answer.retry_after {
                mine.retry_after = mine.retry_after.max(now + after.min(MOST_RETRY_AFTER));
            }
        }
        let response = result.map(into_response);
        let answer = exchanger(&process.store).answer(exchange, response, &|text| text);
        self.note(format_args!("d{device} gets {ticket}: {text}"));
        if snapshot && self.strikes(self.plan.death * 4.0) {
            self.kill(device, Fault::DeathInSnapshot);
            return Ok(());
        }
        self.tell(device, Event::Answered(Box::new(answer)))?;
        match alone {
            Some((seq, id)) => self.watch_suspect(device, seq, &id),
            None => Ok(()),
        }
    }

    /// From when on a mutation is a suspect, others may overtake it.
    fn watch_suspect(&mut self, device: usize, seq: u64, id: &str) -> Checked {
        let Some(process) = &self.devices[device].process else { return Ok(()) };
        let replica = process.store.replica().map_err(|error| Violation::unsound("reading", error))?;
        if replica.suspects.iter().any(|suspect| suspect.seq == seq)
            && let Some(written) = self.ledger.by_id(id)
        {
            written.failed = true;
        }
        Ok(())
    }

    /// In the background a client drains its queue once, and then is quiet.
    fn watch_background(&mut self, device: usize) -> Checked {
        let device = &mut self.devices[device];
        if device.foreground {
            return Ok(());
        }
        device.background_requests += 1;
        if device.background_requests > MOST_IN_BACKGROUND {
            let detail = format!("device {} goes on and on in the background", device.index);
            return Err(Violation::new(Check::QuietInBackground, detail));
        }
        Ok(())
    }
}

fn exchanger(store: &Store) -> Exchanger<'_> {
    Exchanger { scope: SCOPE, base_url: BASE_URL, dialect: None, store, session: store.session() }
}

/// Of the answer to a push.
fn highest_cursor(body: &[u8]) -> u64 {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let results = body["results"].as_array().into_iter().flatten();
    results.filter_map(|result| result["cursor"].as_u64()).max().unwrap_or_default()
}

fn into_response(answer: Answer) -> Response {
    let Answer { status, extended, server_time, retry_after, body, .. } = answer;
    let server_time = Some(server_time);
    Response { status, extended, server_time, retry_after, body: Box::new(Cursor::new(body)) }
}
