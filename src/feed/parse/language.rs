//! Language tags as publishers write them, brought to ISO 639-1.
//!
//! Owns [`code`]. Refuses to guess: a tag that is no code ("english edition") is no language.

/// The two-letter code of a tag such as `en-us`, `PT_br` or `deu`.
pub(super) fn code(tag: &str) -> Option<String> {
    let primary = tag.trim().split(['-', '_', ',', ';', ' ']).next()?.to_ascii_lowercase();
    if !primary.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    let code = match primary.as_str() {
        // Codes ISO 639 withdrew, and the three-letter ones feeds use.
        "iw" | "heb" => "he",
        "in" | "ind" => "id",
        "ji" | "yid" => "yi",
        "eng" | "english" => "en",
        "fra" | "fre" => "fr",
        "deu" | "ger" => "de",
        "spa" => "es",
        "por" => "pt",
        "ita" => "it",
        "rus" => "ru",
        "ukr" => "uk",
        "ara" => "ar",
        "fas" | "per" => "fa",
        "zho" | "chi" => "zh",
        "jpn" => "ja",
        "kor" => "ko",
        "tur" => "tr",
        "nld" | "dut" => "nl",
        "pol" => "pl",
        "hin" => "hi",
        "urd" => "ur",
        "swa" => "sw",
        // "Not determined", "several", "none" (ISO 639-2) say nothing.
        other if other.len() == 2 => other,
        _ => return None,
    };
    Some(code.to_owned())
}
