//! `wirewatch feeds politeness`: what every host was asked in the last 24 hours, as its owner could count it (C43).

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::super::{Exit, Outcome, Output, load, now, reader};
use crate::feed::schedule::words;
use crate::store::hosts::HostTraffic;

pub(super) fn run(dir: &Path, json: bool) -> Outcome {
    let config = load(dir)?;
    let traffic = reader(&config)?.traffic(now())?;
    let mut output = Output::open();
    if json {
        for host in &traffic {
            output.json(&json!({
                "host": host.host, "requests": host.requests, "not_modified": host.not_modified,
                "not_modified_share": share(host), "gap_min_ms": host.gap_min_ms, "bytes": host.bytes,
                "limited": host.limited,
            }))?;
        }
        output.finish()?;
        return Ok(Exit::Done);
    }
    let width = traffic.iter().map(|host| host.host.chars().count()).max().unwrap_or(0).clamp(5, 60);
    if traffic.is_empty() {
        output.line("nobody was asked in the last 24 hours")?;
    } else {
        output.line(format!(
            "{:<width$} {:>9} {:>5} {:>13} {:>10} {:>5}",
            "host", "requests", "304", "smallest gap", "received", "429"
        ))?;
    }
    for host in &traffic {
        let gap = host.gap_min_ms.map_or_else(|| "-".to_owned(), |ms| words(Duration::from_millis(ms)));
        output.line(format!(
            "{:<width$} {:>9} {:>4.0}% {gap:>13} {:>10} {:>5}",
            host.host,
            host.requests,
            share(host) * 100.0,
            size(host.bytes),
            host.limited
        ))?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// The share of requests that cost the publisher next to nothing, 0 to 1.
fn share(host: &HostTraffic) -> f64 {
    if host.requests == 0 { 0.0 } else { host.not_modified as f64 / host.requests as f64 }
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut amount = bytes as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    format!("{amount:.1} {}", UNITS.get(unit).unwrap_or(&"TiB"))
}
