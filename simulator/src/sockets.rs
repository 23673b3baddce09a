//! Live sockets: how they open, what comes on them, and how they end.

use std::time::Duration;

use mizu_sync::Cursor;
use mizu_sync::net::{LiveEnd, LiveNews, Phase, TransportError};
use mizu_sync::simulation::{Event, LiveState};

use crate::backend::Weather;
use crate::device::{BASE_URL, Device};
use crate::fault::Fault;
use crate::network::{CONNECT_TIMEOUT, Trouble};
use crate::schedule::Moment;
use crate::violation::{Check, Checked, Violation};
use crate::world::{Happening, World};

/// A socket that hears nothing for so long is given up by its device.
const SILENCE: Duration = Duration::from_secs(60);
/// P5: how long a hint may take to be followed, with a network that works.
const FOLLOWED: Duration = Duration::from_secs(3);
/// How far above the log a lying hint points, at most.
const MOST_LIE: u64 = 1_000_000;

/// Which live sockets a server gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// They open, and hints come.
    Hinting,
    /// They open, and nothing comes, as of go-mizu's sample.
    Mute,
    /// They never open, as behind go-mizu's logger.
    None,
}

/// A live socket, as its device has it.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Which.
    pub ticket: u64,
    /// Whether the server knows of it, and it of the server.
    pub subscribed: bool,
    /// When the newest of the hints on their way arrives.
    newest_arrival: Moment,
}

/// Something that happens to a live socket at its device.
pub struct LineEvent {
    /// The device.
    pub device: usize,
    incarnation: u64,
    ticket: u64,
    what: What,
}

enum What {
    Tells(LiveNews),
    Ends(LiveEnd),
}

impl LineEvent {
    /// Whether it is a message, which a sleeping device does not get.
    #[must_use]
    pub fn is_message(&self) -> bool {
        matches!(self.what, What::Tells(_))
    }
}

impl World {
    /// A device opens a socket.
    pub fn open_line(&mut self, device: usize, ticket: u64) {
        let now = self.now();
        let Some(process) = &mut self.devices[device].process else { return };
        process.line = Some(Line { ticket, subscribed: false, newest_arrival: Moment::ZERO });
        let url = || BASE_URL.to_owned();
        if !self.devices[device].link.lets_out(now) || !self.devices[device].link.lets_in(now) {
            let error = TransportError::TimedOut { url: url(), phase: Phase::Connect };
            return self.line_happens(device, CONNECT_TIMEOUT, What::Ends(LiveEnd::Failed(error)));
        }
        let delay = self.way(device) + self.way(device);
        let (weather, until) = self.backend.weather;
        let refusal = match weather {
            _ if self.devices[device].link.trouble(now) == Some(Trouble::Portal) => Some(200),
            Weather::Refuses(status, _) | Weather::AnswersWith(status) if now < until => Some(status),
            _ if self.plan.sockets == Sockets::None => Some(500),
            _ if self.strikes(self.plan.refused_socket) => Some([500, 404, 502, 503][self.rng.usize(..4)]),
            _ if !self.backend.is_up(now) => {
                let error = TransportError::Unreachable { url: url(), reason: "refused".to_owned() };
                return self.line_happens(device, delay, What::Ends(LiveEnd::Failed(error)));
            }
            _ if self.token_is_expired(device) => {
                self.faults.count(Fault::ExpiredOnSocket);
                self.note(format_args!("the token of d{device} opens no socket"));
                return self.line_happens(device, delay, What::Ends(LiveEnd::Refused { status: 401 }));
            }
            _ => None,
        };
        match refusal {
            Some(status) => {
                self.faults.count(Fault::SocketRefused);
                self.line_happens(device, delay, What::Ends(LiveEnd::Refused { status }));
            }
            None => self.line_happens(device, delay, What::Tells(LiveNews::Opened)),
        }
    }

    /// Something happens to the socket that a device has now.
    fn line_happens(&mut self, device: usize, delay: Duration, what: What) {
        let incarnation = self.devices[device].incarnation;
        let Some(line) = self.devices[device].line() else { return };
        let event = LineEvent { device, incarnation, ticket: line.ticket, what };
        self.schedule.after(delay, Happening::Line(Box::new(event)));
    }

    /// It has happened.
    ///
    /// # Errors
    /// When what the device does then violates a promise.
    pub fn line_event(&mut self, event: LineEvent) -> Checked {
        let LineEvent { device, incarnation, ticket, what } = event;
        let now = self.now();
        let mine = &mut self.devices[device];
        if mine.incarnation != incarnation || mine.line().is_none_or(|line| line.ticket != ticket) {
            return Ok(());
        }
        match what {
            What::Ends(end) => {
                self.note(format_args!("d{device} loses its socket {ticket}: {end:?}"));
                if let Some(process) = &mut self.devices[device].process {
                    process.line = None;
                }
                self.tell(device, Event::LiveEnded(ticket, Some(end)))
            }
            // Nothing comes through any more, and nobody says so.
            What::Tells(_) if !mine.link.lets_in(now) => {
                self.fall_silent(device);
                Ok(())
            }
            What::Tells(news) => {
                self.note(format_args!("d{device} hears on its socket {ticket}: {news:?}"));
                if news == LiveNews::Opened {
                    if let Some(line) = self.devices[device].line_mut() {
                        line.subscribed = true;
                    }
                    if self.strikes(self.plan.lost_hint) {
                        self.faults.count(Fault::LostHint);
                    } else {
                        let delay = self.way(device);
                        self.line_happens(device, delay, What::Tells(LiveNews::Subscribed));
                    }
                }
                self.tell(device, Event::Live(ticket, news))
            }
        }
    }

    /// The server's log has grown up to here.
    pub fn hint(&mut self, head: u64) {
        if self.plan.sockets != Sockets::Hinting {
            return;
        }
        for device in 0..self.devices.len() {
            if !self.devices[device].line().is_some_and(|line| line.subscribed) {
                continue;
            }
            if self.strikes(self.plan.lost_hint) {
                self.faults.count(Fault::LostHint);
                continue;
            }
            self.send_hint(device, head);
            if self.strikes(self.plan.odd_hint) {
                self.faults.count(Fault::DuplicatedHint);
                self.send_hint(device, head);
            }
            if self.strikes(self.plan.odd_hint) {
                self.faults.count(Fault::LyingHint);
                let lie = head + self.rng.u64(1..MOST_LIE);
                self.send_hint(device, lie);
            }
        }
    }

    fn send_hint(&mut self, device: usize, cursor: u64) {
        let mut delay = self.about(self.plan.latency);
        if self.strikes(self.plan.odd_hint) {
            self.faults.count(Fault::LateHint);
            delay += self.about(Duration::from_secs(6));
        }
        let arrival = self.now() + delay;
        let Some(line) = self.devices[device].line_mut() else { return };
        let overtakes = arrival < line.newest_arrival;
        line.newest_arrival = line.newest_arrival.max(arrival);
        if overtakes {
            self.faults.count(Fault::ReorderedHint);
        }
        if let Some(cursor) = Cursor::new(cursor) {
            self.line_happens(device, delay, What::Tells(LiveNews::Hint(cursor)));
        }
    }

    /// The server's end of a device's socket is gone; sometimes the device is not told.
    pub fn drop_line(&mut self, device: usize) {
        let Some(line) = self.devices[device].line_mut() else { return };
        line.subscribed = false;
        if self.strikes(0.4) {
            return self.fall_silent(device);
        }
        self.faults.count(Fault::SocketDropped);
        let (url, reason) = (BASE_URL.to_owned(), "connection reset".to_owned());
        let delay = self.way(device);
        let error = TransportError::Unreachable { url, reason };
        self.line_happens(device, delay, What::Ends(LiveEnd::Failed(error)));
    }

    /// The same of all devices.
    pub fn drop_lines(&mut self) {
        for device in 0..self.devices.len() {
            self.drop_line(device);
        }
    }

    /// The socket of a device is half open from now on: it will be noticed.
    pub fn fall_silent(&mut self, device: usize) {
        let Some(line) = self.devices[device].line_mut() else { return };
        line.subscribed = false;
        self.faults.count(Fault::HalfOpenSocket);
        let error = TransportError::TimedOut { url: BASE_URL.to_owned(), phase: Phase::Read };
        self.line_happens(device, SILENCE, What::Ends(LiveEnd::Failed(error)));
    }

    /// With a network that works and a socket that is up, a device sees what others write at once.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_hints_are_followed(&mut self) -> Checked {
        if self.plan.sockets != Sockets::Hinting {
            return Ok(());
        }
        // What was lost before everything was well is noticed later; who waits after a failure waits on.
        let well = |mine: &Device| {
            mine.retry_after <= self.now()
                && mine
                    .process
                    .as_ref()
                    .is_some_and(|process| process.flights.is_empty() && process.state.error.is_none())
        };
        let well: Vec<bool> = self.devices.iter().map(well).collect();
        let mut head = 0;
        // So that some of the hints come while a device is pulling for the one before.
        for _ in 0..8 {
            head = self.strangers_write(1)?;
            let next = self.now() + self.plan.latency.mul_f64(3.0 * self.rng.f64());
            self.run_until(next)?;
        }
        let up = |mine: &Device| {
            let subscribed = mine.line().is_some_and(|line| line.subscribed);
            subscribed && mine.process.as_ref().is_some_and(|process| process.state.live == LiveState::Up)
        };
        let up: Vec<bool> = self.devices.iter().map(up).collect();
        self.run_until(self.now() + FOLLOWED)?;
        for device in (0..self.devices.len()).filter(|device| well[*device] && up[*device]) {
            let Some(process) = &self.devices[device].process else { continue };
            let cursor = process.state.cursor.get();
            if cursor < head {
                let detail = format!("device {device} is at {cursor}, and was hinted at {head}");
                return Err(Violation::new(Check::HintsFollowed, detail));
            }
        }
        Ok(())
    }
}
