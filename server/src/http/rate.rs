//! How many requests one user may make: a bucket of tokens each, that fills with time.
//!
//! # Idea
//! A bucket that was not asked for in a while is full, and needs not be remembered. So there are two generations of
//! buckets: when the newer one has too many, the older one is forgotten.
//!
//! # Limits
//! Who comes from many addresses has a bucket for each. An address beyond this server's own proxy is not known.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use thiserror::Error;

use crate::auth::Principal;

/// Buckets of a generation.
const REMEMBERED: usize = 10_000;

/// How many requests one user may make, or one address where the user is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    per_second: u32,
}

impl RateLimit {
    /// Enough for a client that sends a queue of 20,000 mutations as fast as it can.
    pub const DEFAULT: Self = Self { per_second: 100 };

    /// So many requests in the long run, and ten times as many at once. `None` for 0.
    #[must_use]
    pub const fn per_second(per_second: u32) -> Option<Self> {
        if per_second == 0 { None } else { Some(Self { per_second }) }
    }

    fn burst(self) -> f64 {
        f64::from(self.per_second) * 10.0
    }
}

/// The text is no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("write it like 100/s")]
pub struct NoRate;

impl FromStr for RateLimit {
    type Err = NoRate;

    /// Reads `100/s`.
    fn from_str(text: &str) -> Result<Self, NoRate> {
        let number = text.strip_suffix("/s").and_then(|number| number.parse().ok());
        number.and_then(Self::per_second).ok_or(NoRate)
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    User(Principal),
    Address(IpAddr),
}

impl Key {
    fn new(user: Option<&Principal>, peer: IpAddr) -> Self {
        match user {
            Some(user) if !user.as_str().is_empty() => Self::User(user.clone()),
            _ => Self::Address(network(peer)),
        }
    }
}

/// Of IPv6 a household has a whole network.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

struct Bucket {
    tokens: f64,
    at: SystemTime,
}

/// The buckets of all users.
pub(super) struct RateLimiter {
    limit: RateLimit,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    newer: HashMap<Key, Bucket>,
    older: HashMap<Key, Bucket>,
}

impl RateLimiter {
    pub(super) fn new(limit: RateLimit) -> Self {
        Self { limit, generations: Mutex::default() }
    }

    /// Takes a token out of the bucket of `user`, or of the address where there is no user. If there is none: how
    /// long until there is one.
    pub(super) fn take(
        &self,
        user: Option<&Principal>,
        peer: IpAddr,
        now: SystemTime,
    ) -> Result<(), Duration> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = generations.bucket(Key::new(user, peer), self.limit.burst(), now);
        // A clock that was set back fills nothing.
        let passed = now.duration_since(bucket.at).unwrap_or_default().as_secs_f64();
        let rate = f64::from(self.limit.per_second);
        bucket.tokens = (bucket.tokens + passed * rate).min(self.limit.burst());
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64((1.0 - bucket.tokens) / rate))
        }
    }
}

impl Generations {
    fn bucket(&mut self, key: Key, burst: f64, now: SystemTime) -> &mut Bucket {
        if self.newer.len() >= REMEMBERED && !self.newer.contains_key(&key) {
            self.older = std::mem::take(&mut self.newer);
        }
        let older = self.older.remove(&key);
        self.newer.entry(key).or_insert_with(|| older.unwrap_or(Bucket { tokens: burst, at: now }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn limiter(per_second: u32) -> RateLimiter {
        RateLimiter::new(RateLimit::per_second(per_second).unwrap())
    }

    #[test]
    fn a_burst_is_let_in_and_then_as_many_as_time_allows() {
        let limiter = limiter(2);
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        for _ in 0..20 {
            assert_eq!(limiter.take(None, PEER, at(0)), Ok(()));
        }
        assert_eq!(limiter.take(None, PEER, at(0)), Err(Duration::from_millis(500)));
        assert_eq!(limiter.take(None, PEER, at(400)), Err(Duration::from_millis(100)));
        assert_eq!(limiter.take(None, PEER, at(500)), Ok(()));
        assert!(limiter.take(None, PEER, at(500)).is_err());
        assert!(limiter.take(None, PEER, at(100)).is_err(), "a clock that was set back fills nothing");
    }

    #[test]
    fn users_and_addresses_have_buckets_of_their_own() {
        let limiter = limiter(1);
        let take = |user: Option<&str>, peer: &str| {
            let user = user.map(Principal::new);
            limiter.take(user.as_ref(), peer.parse().unwrap(), UNIX_EPOCH).is_ok()
        };
        for _ in 0..10 {
            assert!(take(Some("a"), "10.0.0.1"));
        }
        assert!(!take(Some("a"), "10.0.0.2"), "the same user at another address");
        for _ in 0..10 {
            assert!(take(Some(""), "10.0.0.1"));
        }
        assert!(!take(None, "10.0.0.1") && !take(None, "::ffff:10.0.0.1"), "the same address");
        assert!(take(None, "10.0.0.2") && take(Some("b"), "10.0.0.1"));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let limiter = limiter(1);
        for host in 1..=10 {
            let peer = format!("2001:db8::{host}").parse().unwrap();
            assert!(limiter.take(None, peer, UNIX_EPOCH).is_ok());
        }
        assert!(limiter.take(None, "2001:db8::ffff".parse().unwrap(), UNIX_EPOCH).is_err());
        assert!(limiter.take(None, "2001:db8:0:1::1".parse().unwrap(), UNIX_EPOCH).is_ok());
    }

    #[test]
    fn who_still_comes_is_remembered_and_the_memory_is_bounded() {
        let limiter = limiter(1);
        let user = |number: usize| Some(Principal::new(number.to_string()));
        let mut refused = 0;
        for number in 1..REMEMBERED * 3 {
            limiter.take(user(number).as_ref(), PEER, UNIX_EPOCH).unwrap();
            if number % 1_000 == 0 {
                refused += usize::from(limiter.take(user(0).as_ref(), PEER, UNIX_EPOCH).is_err());
            }
        }
        assert_eq!(refused, 29 - 10);
        let generations = limiter.generations.lock().unwrap();
        assert!(generations.newer.len() + generations.older.len() <= REMEMBERED * 2);
    }

    #[test]
    fn a_rate_is_a_number_a_second() {
        assert_eq!("100/s".parse(), Ok(RateLimit::DEFAULT));
        for wrong in ["", "100", "0/s", "-1/s", "100/m", "1.5/s"] {
            assert_eq!(wrong.parse::<RateLimit>(), Err(NoRate), "{wrong}");
        }
    }
}
