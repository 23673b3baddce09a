//! Who reads whom: one link for each pair, in an arena with a free list.
//!
//! An observer's links stand in the order in which it read; those of what is read stand in no order.

/// No link.
pub const NO_LINK: u32 = u32::MAX;

pub struct Link {
    pub dependency: u32,
    pub observer: u32,
    /// The version that the observer has seen.
    pub seen: u64,
    /// The observer's next one. In a free place, the next free one.
    pub next_dependency: u32,
    pub previous_observer: u32,
    pub next_observer: u32,
}

pub struct Links {
    all: Vec<Link>,
    first_free: u32,
    used: usize,
}

impl Links {
    pub const fn new() -> Self {
        Self { all: Vec::new(), first_free: NO_LINK, used: 0 }
    }

    pub fn count(&self) -> usize {
        self.used
    }

    pub fn at(&self, link: u32) -> &Link {
        &self.all[link as usize]
    }

    pub fn at_mut(&mut self, link: u32) -> &mut Link {
        &mut self.all[link as usize]
    }

    pub fn add(&mut self, link: Link) -> u32 {
        self.used += 1;
        let place = self.first_free;
        if place != NO_LINK {
            self.first_free = self.at(place).next_dependency;
            *self.at_mut(place) = link;
            return place;
        }
        let place = u32::try_from(self.all.len()).unwrap_or(NO_LINK);
        assert!(place != NO_LINK, "the reactive graph is full: it holds 4,294,967,294 links");
        self.all.push(link);
        place
    }

    pub fn remove(&mut self, link: u32) {
        self.used -= 1;
        let first_free = self.first_free;
        let place = self.at_mut(link);
        (place.observer, place.next_dependency) = (NO_LINK, first_free);
        self.first_free = link;
    }
}
