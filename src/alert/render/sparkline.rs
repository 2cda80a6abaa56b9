//! A topic's last days as a small picture, and as characters.
//!
//! Owns the picture: a PNG written here (W3C PNG, third edition: sections 5.2 signature, 11.2 chunks), with a transparent
//! ground so that it stands on light and dark alike. Refuses to count.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

use super::clean::clean;
use super::view::{TREND_DAYS, Trend};

/// Pixels as it is shown; it is drawn with twice as many each way, for screens that have them.
pub const WIDTH: usize = BAR_STEP * TREND_DAYS / SCALE;
/// Pixels as it is shown.
pub const HEIGHT: usize = ROWS / SCALE;

const SCALE: usize = 2;
const BAR_STEP: usize = 30;
const BAR_WIDTH: usize = 22;
const ROWS: usize = 72;
/// Rows of a day without reports: a line to stand on.
const FOOT_ROWS: usize = 3;
/// Rows of a day with one report, however many others have.
const LEAST_ROWS: usize = 8;

/// Nothing, the days before, today: grey and blue that stand out from white as well as from near-black (4:1 or more).
const PALETTE: [[u8; 3]; 3] = [[0, 0, 0], [0x6b, 0x7f, 0x99], [0x2f, 0x7d, 0xf6]];
const ALPHA: [u8; 3] = [0, 255, 255];
const BITS: usize = 2;

/// The picture, a few hundred bytes; `None` only if it could not be packed.
pub fn png(trend: &Trend) -> Option<Vec<u8>> {
    let columns = BAR_STEP * TREND_DAYS;
    let heights = trend.days.map(|count| rows(count, most(trend)));
    let mut pixels = Vec::with_capacity(ROWS * (1 + columns * BITS / 8));
    for row in 0..ROWS {
        // Each row begins with its filter: none.
        pixels.push(0);
        let (mut byte, mut filled) = (0_u8, 0);
        for column in 0..columns {
            let day = column / BAR_STEP;
            let height = heights.get(day).copied().unwrap_or(0);
            let is_bar = column % BAR_STEP < BAR_WIDTH && ROWS - row <= height;
            let colour = match (is_bar, day + 1 == TREND_DAYS) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 2,
            };
            byte = (byte << BITS) | colour;
            filled += BITS;
            if filled == 8 {
                pixels.push(byte);
                (byte, filled) = (0, 0);
            }
        }
        if filled > 0 {
            pixels.push(byte << (8 - filled));
        }
    }
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&pixels).ok()?;
    let packed = encoder.finish().ok()?;
    let mut png = vec![0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
    let mut head = Vec::new();
    for side in [columns, ROWS] {
        head.extend(u32::try_from(side).ok()?.to_be_bytes());
    }
    // Depth, kind (palette), and the only methods there are of packing, filtering and interlacing.
    head.extend([2, 3, 0, 0, 0]);
    chunk(&mut png, *b"IHDR", &head)?;
    chunk(&mut png, *b"PLTE", PALETTE.as_flattened())?;
    chunk(&mut png, *b"tRNS", &ALPHA)?;
    chunk(&mut png, *b"IDAT", &packed)?;
    chunk(&mut png, *b"IEND", &[])?;
    Some(png)
}

fn chunk(png: &mut Vec<u8>, name: [u8; 4], data: &[u8]) -> Option<()> {
    png.extend(u32::try_from(data.len()).ok()?.to_be_bytes());
    let mut sum = Crc::new();
    for part in [&name[..], data] {
        sum.update(part);
        png.extend(part);
    }
    png.extend(sum.sum().to_be_bytes());
    Some(())
}

fn most(trend: &Trend) -> u32 {
    trend.days.iter().copied().max().unwrap_or(0)
}

fn rows(count: u32, most: u32) -> usize {
    if count == 0 {
        return FOOT_ROWS;
    }
    let share = u64::from(count) * ROWS as u64 / u64::from(most.max(1));
    usize::try_from(share).unwrap_or(ROWS).clamp(LEAST_ROWS, ROWS)
}

/// The days as characters: `▁▁▂▁▄▁█`. Only a day without reports has the lowest.
pub fn bars(trend: &Trend) -> String {
    const STEPS: [char; 7] = ['▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = u64::from(most(trend).max(1));
    let bar = |count: u32| match u64::from(count) {
        0 => '▁',
        count => {
            let step = (count * STEPS.len() as u64).div_ceil(most) - 1;
            usize::try_from(step).ok().and_then(|step| STEPS.get(step)).copied().unwrap_or('█')
        }
    };
    trend.days.into_iter().map(bar).collect()
}

/// What the picture shows, in words.
pub(super) fn words(trend: &Trend) -> String {
    let place = trend.place.as_ref().map_or_else(
        || "this topic everywhere".to_owned(),
        |place| format!("this topic in {}", clean(place, 100)),
    );
    let (today, before) = trend.days.split_last().map_or((0, &[][..]), |(today, before)| (*today, before));
    let most = before.iter().copied().max().unwrap_or(0);
    format!("Reports of {place} a day, {TREND_DAYS} days: {today} today, {most} at most before")
}
