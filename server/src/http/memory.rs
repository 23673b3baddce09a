//! How much memory large bodies and answers take together.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is no larger is not counted: the number of connections bounds it, and small requests go on when the memory is
/// used up.
pub(super) const SMALL: usize = 64 * 1024;

#[derive(Clone)]
pub(super) struct Memory {
    free: Arc<Semaphore>,
    bytes: u32,
}

impl Memory {
    pub(super) fn new(bytes: usize) -> Self {
        let bytes = u32::try_from(bytes.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self { free: Arc::new(Semaphore::new(bytes as usize)), bytes }
    }

    /// Nothing yet.
    pub(super) fn share(&self) -> Share {
        Share { memory: self.clone(), permit: None }
    }
}

/// A part of the memory, until it is dropped.
pub(super) struct Share {
    memory: Memory,
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Makes this the share for so many bytes. Whether there was enough; if not, it is as before.
    ///
    /// What is larger than all the memory fits alone.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let wanted = if bytes <= SMALL { 0 } else { bytes.min(self.memory.bytes as usize) };
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if wanted <= held {
            drop(self.permit.as_mut().and_then(|permit| permit.split(held - wanted)));
            return true;
        }
        let missing = u32::try_from(wanted - held).unwrap_or(u32::MAX);
        let Ok(more) = Arc::clone(&self.memory.free).try_acquire_many_owned(missing) else { return false };
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        true
    }

    /// A body that holds this share until the socket has taken all of it.
    pub(super) fn body(self, bytes: Vec<u8>) -> Body {
        Body::from(Bytes::from_owner(Held { bytes, _share: self }))
    }
}

struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(memory: &Memory) -> usize {
        memory.free.available_permits()
    }

    #[test]
    fn a_share_grows_and_shrinks_and_is_given_back() {
        let memory = Memory::new(SMALL * 4);
        let mut share = memory.share();
        assert!(share.resize(SMALL * 2) && share.resize(SMALL * 3));
        assert_eq!(free(&memory), SMALL);
        assert!(share.resize(SMALL * 2) && free(&memory) == SMALL * 2);
        drop(share.body(vec![0]));
        assert_eq!(free(&memory), SMALL * 4);
    }

    #[test]
    fn what_is_small_is_not_counted() {
        let memory = Memory::new(0);
        assert!(memory.share().resize(SMALL));
    }

    #[test]
    fn who_comes_too_late_gets_nothing_and_keeps_what_it_had() {
        let memory = Memory::new(SMALL * 4);
        let (mut early, mut late) = (memory.share(), memory.share());
        assert!(late.resize(SMALL + 1) && early.resize(SMALL * 2) && !late.resize(SMALL * 3));
        assert_eq!(free(&memory), SMALL - 1);
        drop(early);
        assert!(late.resize(SMALL * 3));
    }

    #[test]
    fn what_is_larger_than_all_the_memory_fits_alone() {
        let memory = Memory::new(SMALL * 2);
        let mut share = memory.share();
        assert!(share.resize(SMALL * 100) && !memory.share().resize(SMALL * 2));
    }
}
