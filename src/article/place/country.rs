//! Countries: what their codes are called.
//!
//! Owns the English name of each code (ISO 3166-1 alpha-2, and `XK`). Refuses other languages.

/// Code and name by line, sorted by code, after one line that names the columns.
static COUNTRIES: &str = include_str!("countries.tsv");

/// The English name of a country; `None` when there is no such code.
pub fn name(code: &str) -> Option<&'static str> {
    COUNTRIES
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once('\t'))
        .find(|row| row.0 == code)
        .map(|row| row.1)
}
