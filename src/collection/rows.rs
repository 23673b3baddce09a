//! What becomes of the rows of a query: all of them at first, then what is different.

use std::collections::HashMap;
use std::sync::Arc;

use super::row::Row;
use crate::store::{StoredRow, Version};

/// What a subscriber of a query is told.
///
/// A version counts the commits of this device since the client was opened: rows of version 7 have everything that had
/// been committed when it was 7, and may have more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowsUpdate<T> {
    /// All rows: the first time, and whenever there would be more changes than rows.
    All {
        /// In order.
        rows: Vec<Row<T>>,
        /// Their version.
        version: Version,
    },
    /// What is different since then.
    Changes {
        /// To be made one after the other.
        changes: Vec<RowChange<T>>,
        /// The version of the rows after them.
        version: Version,
    },
}

/// A change of a list of rows. One that moves is removed, and inserted again where it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange<T> {
    /// The row at this place is gone.
    Removed {
        /// From 0, in the list as it is at this moment.
        index: usize,
    },
    /// A row is new at this place; those from there on move up.
    Inserted {
        /// From 0, in the list as it is then.
        index: usize,
        /// The row.
        row: Row<T>,
    },
    /// The row at this place is another one of the same id.
    Updated {
        /// From 0.
        index: usize,
        /// The row as it is now.
        row: Row<T>,
    },
}

impl<T> RowsUpdate<T> {
    /// Brings a list up to date that had all updates before this one.
    pub fn apply(self, list: &mut Vec<Row<T>>) {
        match self {
            Self::All { rows, .. } => *list = rows,
            Self::Changes { changes, .. } => changes.into_iter().for_each(|change| change.apply(list)),
        }
    }

    /// The version of the rows.
    #[must_use]
    pub const fn version(&self) -> Version {
        match self {
            Self::All { version, .. } | Self::Changes { version, .. } => *version,
        }
    }
}

impl<T> RowChange<T> {
    /// Makes the change. One that does not fit the list does nothing.
    pub fn apply(self, list: &mut Vec<Row<T>>) {
        match self {
            Self::Removed { index } if index < list.len() => drop(list.remove(index)),
            Self::Inserted { index, row } if index <= list.len() => list.insert(index, row),
            Self::Updated { index, row } => {
                if let Some(place) = list.get_mut(index) {
                    *place = row;
                }
            }
            Self::Removed { .. } | Self::Inserted { .. } => {}
        }
    }
}

/// The rows that a subscriber was told of.
#[derive(Default)]
pub struct Shown {
    rows: Arc<Vec<StoredRow>>,
    /// Which of them: those that fit the app's type.
    places: Vec<usize>,
}

impl Shown {
    /// What to tell a subscriber that knows of nothing, and what it knows of then.
    pub fn first<T>(
        rows: &Arc<Vec<StoredRow>>,
        version: Version,
        decode: impl Fn(&StoredRow) -> Option<Row<T>>,
    ) -> (Self, RowsUpdate<T>) {
        let mut shown = Self { rows: Arc::clone(rows), places: Vec::new() };
        let mut typed = Vec::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            if let Some(row) = decode(row) {
                shown.places.push(place);
                typed.push(row);
            }
        }
        (shown, RowsUpdate::All { rows: typed, version })
    }

    /// What to tell it now; `None` where nothing is different.
    pub fn update<T>(
        &mut self,
        rows: &Arc<Vec<StoredRow>>,
        version: Version,
        decode: impl Fn(&StoredRow) -> Option<Row<T>>,
    ) -> Option<RowsUpdate<T>> {
        let before: HashMap<&str, usize> =
            self.places.iter().enumerate().map(|(index, place)| (&*self.rows[*place].id, index)).collect();
        let mut now = Vec::with_capacity(rows.len());
        for (place, row) in rows.iter().enumerate() {
            let index = before.get(&*row.id).copied();
            let same = index.is_some_and(|index| self.rows[self.places[index]] == *row);
            let typed = if same { None } else { decode(row) };
            if same || typed.is_some() {
                now.push(Kept { place, before: index, typed });
            }
        }
        let most = self.places.len().max(now.len());
        let changes = changes(self.places.len(), &mut now, |place| decode(&rows[place]));
        self.places = now.iter().map(|kept| kept.place).collect();
        self.rows = Arc::clone(rows);
        if changes.len() > most {
            let (shown, all) = Self::first(rows, version, decode);
            *self = shown;
            return Some(all);
        }
        (!changes.is_empty()).then_some(RowsUpdate::Changes { changes, version })
    }
}

/// A row of the new list.
struct Kept<T> {
    /// Among the rows of the query.
    place: usize,
    /// Where it was in the list before.
    before: Option<usize>,
    /// It as it is now, where that is different.
    typed: Option<Row<T>>,
}

/// Leads from a list of so many rows to the new one. `decode` gives the row at a place of the query.
fn changes<T>(
    length: usize,
    now: &mut [Kept<T>],
    decode: impl Fn(usize) -> Option<Row<T>>,
) -> Vec<RowChange<T>> {
    let stays = longest_run(now);
    let mut stay = vec![false; length];
    for (kept, stays) in now.iter().zip(&stays) {
        if let Some(before) = kept.before.filter(|_| *stays) {
            stay[before] = true;
        }
    }
    let gone = (0..length).rev().filter(|index| !stay[*index]);
    let mut changes: Vec<RowChange<T>> = gone.map(|index| RowChange::Removed { index }).collect();
    for (index, (kept, stays)) in now.iter_mut().zip(stays).enumerate() {
        let typed = kept.typed.take();
        changes.extend(if stays {
            typed.map(|row| RowChange::Updated { index, row })
        } else {
            typed.or_else(|| decode(kept.place)).map(|row| RowChange::Inserted { index, row })
        });
    }
    changes
}

/// Which rows stay where they are while the others move around them: as many as can be, which is the longest run of
/// rows that were in this order before. By patience sorting.
fn longest_run<T>(now: &[Kept<T>]) -> Vec<bool> {
    // The rows on top of the piles, and below each row the one on the pile before it.
    let mut tops: Vec<usize> = Vec::new();
    let mut below: Vec<Option<usize>> = vec![None; now.len()];
    for (index, kept) in now.iter().enumerate() {
        let Some(before) = kept.before else { continue };
        let pile = tops.partition_point(|top| now[*top].before < Some(before));
        below[index] = pile.checked_sub(1).map(|left| tops[left]);
        if pile == tops.len() {
            tops.push(index);
        } else {
            tops[pile] = index;
        }
    }
    let mut stays = vec![false; now.len()];
    let mut next = tops.last().copied();
    while let Some(index) = next {
        stays[index] = true;
        next = below[index];
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Object;

    /// Rows `id:value`; those of value "?" do not fit the type.
    fn stored(text: &str) -> Arc<Vec<StoredRow>> {
        let row = |word: &str| {
            let (id, value) = word.split_once(':').unwrap();
            let data = Object::parse(format!(r#"{{"v":"{value}"}}"#)).unwrap();
            StoredRow { id: id.to_owned(), data, pending: false, rejected: false }
        };
        Arc::new(text.split_whitespace().map(row).collect())
    }

    fn decode(row: &StoredRow) -> Option<Row<String>> {
        let value = row.data.as_str().to_owned();
        let fits = !value.contains('?');
        fits.then(|| Row { id: row.id.clone(), value, pending: row.pending, rejected: row.rejected })
    }

    fn typed(rows: &[StoredRow]) -> Vec<Row<String>> {
        rows.iter().filter_map(decode).collect()
    }

    /// Says in short what led from one list to the other, having checked that it does.
    fn told(before: &str, after: &str) -> String {
        let (before, after) = (stored(before), stored(after));
        let (mut shown, first) = Shown::first(&before, Version::default(), decode);
        let mut list = Vec::new();
        first.apply(&mut list);
        assert_eq!(list, typed(&before));
        let update = shown.update(&after, Version::default(), decode);
        let said = match &update {
            None => "nothing".to_owned(),
            Some(RowsUpdate::All { .. }) => "all".to_owned(),
            Some(RowsUpdate::Changes { changes, .. }) => {
                let say = |change: &RowChange<String>| match change {
                    RowChange::Removed { index } => format!("-{index}"),
                    RowChange::Inserted { index, row } => format!("+{index}{}", row.id),
                    RowChange::Updated { index, row } => format!("={index}{}", row.id),
                };
                changes.iter().map(say).collect::<Vec<_>>().join(" ")
            }
        };
        update.into_iter().for_each(|update| update.apply(&mut list));
        assert_eq!(list, typed(&after));
        assert_eq!(shown.update(&after, Version::default(), decode), None);
        said
    }

    #[test]
    fn what_is_told_leads_from_one_list_to_the_next() {
        for (before, after, expected) in [
            ("a:1 b:1 c:1", "a:1 b:1 c:1", "nothing"),
            ("a:1 b:1 c:1", "a:1 b:2 c:1", "=1b"),
            ("a:1 b:1 c:1", "a:1 c:1", "-1"),
            ("a:1 c:1", "a:1 b:1 c:1", "+1b"),
            ("a:1 b:1 c:1 d:1", "d:1 a:1 b:1 c:1", "-3 +0d"),
            ("a:1 b:1 c:1 d:1", "b:1 c:1 d:1 a:2", "-0 +3a"),
            ("a:1 b:1 c:1", "a:1 b:? c:1", "-1"),
            ("a:1 b:? c:1", "a:1 b:1 c:1", "+1b"),
            ("a:1 b:? c:1", "a:1 b:?? c:1", "nothing"),
            ("a:1 b:1", "c:1 d:1", "all"),
            ("", "a:1", "+0a"),
            ("a:1", "", "-0"),
            ("a:1 b:1 c:1 d:1", "e:1", "all"),
        ] {
            assert_eq!(told(before, after), expected, "{before} to {after}");
        }
    }

    #[test]
    fn any_list_is_reached_from_any_other() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut random = || {
            let mut ids: Vec<u8> = (b'a'..b'i').filter(|_| rng.u8(..4) > 0).collect();
            rng.shuffle(&mut ids);
            let words = ids.into_iter().map(|id| {
                let value = ["1", "2", "?"][rng.usize(..3)];
                format!("{}:{value}", id as char)
            });
            words.collect::<Vec<_>>().join(" ")
        };
        for _ in 0..2_000 {
            let (before, after) = (random(), random());
            told(&before, &after);
        }
    }

    #[test]
    fn a_change_that_does_not_fit_a_list_does_nothing() {
        let row = || decode(&stored("a:1")[0]).unwrap();
        for change in [
            RowChange::Removed { index: 0 },
            RowChange::Updated { index: 0, row: row() },
            RowChange::Inserted { index: 1, row: row() },
        ] {
            let mut list = Vec::new();
            change.apply(&mut list);
            assert_eq!(list, []);
        }
    }
}
