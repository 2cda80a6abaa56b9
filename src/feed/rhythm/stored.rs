//! A rhythm as the store keeps it: a fixed layout of little-endian numbers.
//!
//! Owns the bytes and what of them is believed. Refuses to fail: what cannot be read is learned anew.

use jiff::Timestamp;

use super::{Rhythm, Root, SILENCES, WEEK};

/// First byte of a stored rhythm. Change it with the layout or the meaning: older ones are then learned anew.
const VERSION: u8 = 1;

/// Length of a stored rhythm.
const BYTES: usize = 1 + 2 * (WEEK + SILENCES) + 8 + 8 + 4 + 4 + 4;

impl Rhythm {
    /// As the store keeps it, the same length for every rhythm.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(VERSION);
        for root in self.hours.iter().chain(&self.silences) {
            bytes.extend(root.0.to_le_bytes());
        }
        bytes.extend(self.until.to_le_bytes());
        bytes.extend(self.last_arrival.unwrap_or(i64::MIN).to_le_bytes());
        bytes.extend(self.watched.to_le_bytes());
        bytes.extend(self.seen.to_le_bytes());
        bytes.extend(self.expected.to_le_bytes());
        bytes
    }

    /// From what the store kept. Anything else, a layout of another version included, is an empty rhythm: it costs a
    /// few days of learning and nothing more.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != BYTES || bytes.first() != Some(&VERSION) {
            return None;
        }
        let mut rest = bytes.get(1..)?;
        let mut rhythm = Self::default();
        for root in rhythm.hours.iter_mut().chain(&mut rhythm.silences) {
            *root = Root(u16::from_le_bytes(take(&mut rest)?));
        }
        rhythm.until = i64::from_le_bytes(take(&mut rest)?);
        let last_arrival = i64::from_le_bytes(take(&mut rest)?);
        rhythm.last_arrival = (last_arrival != i64::MIN).then_some(last_arrival);
        rhythm.watched = u32::from_le_bytes(take(&mut rest)?);
        rhythm.seen = f32::from_le_bytes(take(&mut rest)?);
        rhythm.expected = f32::from_le_bytes(take(&mut rest)?);
        let times_hold = [Some(rhythm.until), rhythm.last_arrival]
            .into_iter()
            .flatten()
            .all(|s| Timestamp::from_second(s).is_ok());
        let counts_hold =
            [rhythm.seen, rhythm.expected].iter().all(|count| count.is_finite() && *count >= 0.0);
        (times_hold && counts_hold).then_some(rhythm)
    }
}

/// The next bytes of what is left.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}
