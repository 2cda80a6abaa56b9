//! Dates as publishers write them: RFC 822 and ISO 8601 in all their bent forms, in the months of many languages.
//!
//! Owns [`read`]. Refuses to guess a day that is not written: relative dates ("two days ago") and times alone are
//! not dates. Without a zone the date is read as UTC. `d/m/y` is read day first unless only month first can be.
//!
//! One tokenizer, not a list of formats, because real dates mix the formats' pieces freely; with its tables it is long.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Letters looked at; no date is longer, and titles in date fields are.
const DATE_LETTERS_MAX: usize = 120;

/// Reads a date; `None` when the text is not one. Years outside 1900 to 2200 are not dates (0001-01-01 is a
/// program's way to say "none").
pub fn read(text: &str) -> Option<Timestamp> {
    let folded = fold(text);
    if let Some(timestamp) = epoch(folded.trim()) {
        return Some(timestamp);
    }
    let mut found = Found::default();
    for token in tokens(&folded) {
        found.take(token);
    }
    found.timestamp()
}

/// Seconds, or milliseconds, since 1970.
fn epoch(text: &str) -> Option<Timestamp> {
    let whole = text.split('.').next().unwrap_or(text);
    if !(9..=13).contains(&whole.len()) || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    if text.matches('.').count() > 1 {
        return None;
    }
    let number: i64 = whole.parse().ok()?;
    match whole.len() {
        9 | 10 => Timestamp::from_second(number).ok(),
        13 => Timestamp::from_millisecond(number).ok(),
        _ => None,
    }
}

/// Lower case, accents and Arabic letter forms folded, all digits ASCII: one spelling per month name.
fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().take(DATE_LETTERS_MAX).flat_map(char::to_lowercase) {
        let folded = match letter {
            'á' | 'à' | 'â' | 'ä' | 'ã' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' | 'ı' => 'i',
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ş' => 's',
            'ğ' => 'g',
            'أ' | 'إ' | 'آ' => 'ا',
            'ي' | 'ى' => 'ی',
            'ك' => 'ک',
            '\u{2212}' | '\u{2013}' => '-',
            '٠'..='٩' => ascii_digit(letter, '٠'),
            '۰'..='۹' => ascii_digit(letter, '۰'),
            '\u{307}' | '\u{200E}' | '\u{200F}' => continue,
            _ => letter,
        };
        out.push(folded);
    }
    out
}

fn ascii_digit(letter: char, zero: char) -> char {
    char::from_digit(u32::from(letter).wrapping_sub(u32::from(zero)), 10).unwrap_or(letter)
}

#[derive(Debug, Clone, Copy)]
enum Token<'text> {
    Word(&'text str),
    /// A run of digits with the letter before it and the one after.
    Digits {
        text: &'text str,
        before: char,
        after: char,
    },
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut letters = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((start, first)) = letters.next() {
        let is_digit = first.is_ascii_digit();
        if !is_digit && !first.is_alphabetic() {
            before = first;
            continue;
        }
        let mut last = first;
        let mut end = start + first.len_utf8();
        while let Some((at, letter)) = letters
            .next_if(|(_, letter)| if is_digit { letter.is_ascii_digit() } else { letter.is_alphabetic() })
        {
            last = letter;
            end = at + letter.len_utf8();
        }
        let run = text.get(start..end).unwrap_or_default();
        let after = letters.peek().map_or(' ', |(_, letter)| *letter);
        tokens.push(if is_digit { Token::Digits { text: run, before, after } } else { Token::Word(run) });
        before = last;
    }
    tokens
}

/// What the next digits belong to, if the right sign joins them to the last ones.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Next {
    #[default]
    Anything,
    ClockPart,
    Fraction,
    OffsetMinutes,
}

/// What has been found so far, read left to right.
#[derive(Default)]
struct Found<'text> {
    numbers: Vec<(i32, usize)>,
    /// Months by name, with how many numbers stood before each.
    months: Vec<(i8, usize)>,
    clock: Vec<i32>,
    nanoseconds: i32,
    next: Next,
    afternoon: Option<bool>,
    zone_seconds: Option<i32>,
    /// Sign, hours, minutes.
    offset: Option<(i32, i32, i32)>,
    word: &'text str,
    /// Whether the last token was part of the time of day, so that a lone letter after it can mean the half.
    after_clock: bool,
    /// Whether the hours and minutes are parted by dots.
    dotted_clock: bool,
    broken: bool,
}

impl<'text> Found<'text> {
    fn take(&mut self, token: Token<'text>) {
        match token {
            Token::Word(word) => self.take_word(word),
            Token::Digits { text, before, after } => self.take_digits(text, before, after),
        }
    }

    fn take_word(&mut self, word: &'text str) {
        // "10h30": the hour's mark keeps the clock open for the minutes.
        if word != "h" || self.next != Next::ClockPart {
            self.next = Next::Anything;
        }
        let after_clock = std::mem::take(&mut self.after_clock);
        match word {
            _ if let Some(afternoon) = self.half_of_day(word, after_clock) => {
                self.afternoon = Some(afternoon);
            }
            // "5 min ago": a word of its own, and the number before counts no days. Elsewhere `ago` is August.
            "ago" if RELATIVE_UNITS.contains(&self.word) => {
                self.numbers.truncate(self.numbers.len().saturating_sub(1));
            }
            "ago" if self.word == "h" && self.clock.len() == 1 => self.clock.clear(),
            _ => {
                let pair =
                    LEVANTINE_PAIRS.iter().find(|(first, second, _)| *first == self.word && *second == word);
                let month = pair.map(|pair| pair.2).or_else(|| month(word));
                if let Some(month) = month {
                    self.months.push((month, self.numbers.len()));
                } else if let Some(minutes) = zone_minutes(word)
                    && self.zone_seconds.is_none()
                    && (!self.clock.is_empty() || self.numbers.len() >= 2)
                {
                    self.zone_seconds = Some(minutes * 60);
                }
            }
        }
        self.word = word;
    }

    /// Whether a word after the time of day says which half of the day: `pm`, `p. m.`, Arabic `م`, Persian `ب.ظ`.
    fn half_of_day(&self, word: &str, after_clock: bool) -> Option<bool> {
        if self.clock.is_empty() {
            return None;
        }
        match (self.word, word) {
            (_, "am") | ("a", "m") | ("ق", "ظ") => Some(false),
            (_, "pm") | ("p", "m") | ("ب", "ظ") => Some(true),
            (_, "ص" | "صباحا" | "صباحًا") if after_clock => Some(false),
            (_, "م" | "مساء" | "مساءً") if after_clock => Some(true),
            _ => None,
        }
    }

    fn take_digits(&mut self, text: &str, before: char, after: char) {
        let clock_before = (self.clock.len(), self.nanoseconds);
        self.place_digits(text, before, after);
        self.after_clock = clock_before != (self.clock.len(), self.nanoseconds);
        // Between the two parts of "p. m." stands no number.
        self.word = "";
    }

    fn place_digits(&mut self, text: &str, before: char, after: char) {
        let Ok(number) = text.parse::<i32>() else {
            self.take_long(text);
            return;
        };
        let next = std::mem::take(&mut self.next);
        if next == Next::OffsetMinutes && before == ':' {
            if let Some((_, _, minutes)) = &mut self.offset {
                *minutes = number;
            }
        } else if next == Next::ClockPart
            && (matches!(before, ':' | 'h') || before == '.' && self.dotted_clock)
        {
            self.clock.push(number);
            self.next = if self.clock.len() == 3 { Next::Fraction } else { Next::ClockPart };
        } else if next == Next::Fraction && matches!(before, '.' | ',' | ':') {
            self.nanoseconds = fraction(text);
        } else if self.starts_offset(before) && self.offset.is_none() {
            self.take_offset(number, text.len(), before);
            self.next = if after == ':' { Next::OffsetMinutes } else { Next::Anything };
        } else if self.clock.is_empty() && matches!(after, ':' | 'h') {
            self.clock.push(number);
            self.next = Next::ClockPart;
        } else if self.clock.is_empty() && after == '.' && text.len() <= 2 && self.has_date() {
            // "23.11.2026 14.05"
            self.clock.push(number);
            self.dotted_clock = true;
            self.next = Next::ClockPart;
        } else if text.len() == 6 && self.clock.is_empty() && self.numbers.len() == 3 {
            self.clock = vec![number / 10_000, number / 100 % 100, number % 100];
        } else if text.len() == 4 && self.clock.is_empty() && self.numbers.len() == 3 && before == 't' {
            self.clock = vec![number / 100, number % 100];
        } else if text.len() == 8 && self.numbers.is_empty() {
            self.numbers.extend([(number / 10_000, 4), (number / 100 % 100, 2), (number % 100, 2)]);
        } else if self.numbers.len() < 4 {
            self.numbers.push((number, text.len()));
        }
    }

    /// `20260707100000`: a date and a time of day in one.
    fn take_long(&mut self, text: &str) {
        let part = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i32>().ok());
        let (14, true) = (text.len(), self.numbers.is_empty()) else {
            self.broken = true;
            return;
        };
        for (from, to) in [(0, 4), (4, 6), (6, 8)] {
            self.numbers.extend(part(from, to).map(|number| (number, to - from)));
        }
        self.clock = [(8, 10), (10, 12), (12, 14)].iter().filter_map(|(from, to)| part(*from, *to)).collect();
    }

    /// Whether day, month and year have been read.
    fn has_date(&self) -> bool {
        self.numbers.len() + usize::from(!self.months.is_empty()) >= 3
    }

    /// After the time of day a sign opens an offset, unless it joins the numbers of a date that comes late.
    fn starts_offset(&self, before: char) -> bool {
        matches!(before, '+' | '-') && !self.clock.is_empty() && (self.has_date() || before == '+')
    }

    fn take_offset(&mut self, number: i32, digits: usize, sign: char) {
        let sign = if sign == '-' { -1 } else { 1 };
        let (hours, minutes) = if digits >= 3 { (number / 100, number % 100) } else { (number, 0) };
        self.offset = Some((sign, hours, minutes));
    }

    fn timestamp(&self) -> Option<Timestamp> {
        if self.broken {
            return None;
        }
        let (year, month, day) = self.date()?;
        if !(1900..=2200).contains(&year) {
            return None;
        }
        let date = Date::new(i16::try_from(year).ok()?, month, i8::try_from(day).ok()?).ok()?;
        let (time, next_day) = self.time()?;
        let date = if next_day { date.tomorrow().ok()? } else { date };
        let offset = Offset::from_seconds(self.zone()?).ok()?;
        offset.to_timestamp(DateTime::from_parts(date, time)).ok()
    }

    /// Year, month, day.
    fn date(&self) -> Option<(i32, i8, i32)> {
        let is_year = |(number, digits): (i32, usize)| digits >= 3 || number > 31;
        if let Some(month) = self.named_month() {
            return match self.numbers_around(month) {
                [a, b, ..] if is_year(*a) => Some((full_year(*a), month, b.0)),
                [a, b, ..] => Some((full_year(*b), month, a.0)),
                [only] if only.1 == 4 => Some((only.0, month, 1)),
                _ => None,
            };
        }
        let (year, month, day) = match self.numbers.as_slice() {
            [a, b, c, ..] if a.1 == 4 => (*a, b.0, c.0),
            [a, b, c, ..] if b.0 > 12 => (*c, a.0, b.0),
            [a, b, c, ..] => (*c, b.0, a.0),
            [a, b] if a.1 == 4 => (*a, b.0, 1),
            [a] if a.1 == 4 && self.clock.is_empty() => (*a, 1, 1),
            _ => return None,
        };
        Some((full_year(year), i8::try_from(month).ok()?, day))
    }

    /// The numbers of a date whose month is a word. In "5 min, 23 Nov 2026" the first is not one of them.
    fn numbers_around(&self, month: i8) -> &[(i32, usize)] {
        let before = self.months.iter().find(|(its, _)| *its == month).map_or(0, |(_, before)| *before);
        let is_followed_by_year = self.numbers.get(before).is_some_and(|(_, digits)| *digits == 4);
        let from = if is_followed_by_year { before.saturating_sub(1) } else { 0 };
        self.numbers.get(from..).unwrap_or_default()
    }

    /// "mar. 7 juil.": a weekday may be spelled like a month, so the one after the day's number wins, then the last.
    fn named_month(&self) -> Option<i8> {
        let after_day = self.months.iter().find(|(_, before)| *before == 1);
        after_day.or_else(|| self.months.last()).map(|(month, _)| *month)
    }

    /// The time of day, and whether it is 24:00, the next day's start (ISO 8601).
    fn time(&self) -> Option<(Time, bool)> {
        let part = |at: usize| self.clock.get(at).copied().unwrap_or(0);
        let (mut hour, minute, second) = (part(0), part(1), part(2).min(59));
        match self.afternoon {
            Some(true) if hour < 12 => hour += 12,
            Some(false) if hour == 12 => hour = 0,
            _ => {}
        }
        let next_day = hour == 24 && minute == 0 && second == 0;
        if next_day {
            hour = 0;
        }
        let narrow = |number: i32| i8::try_from(number).ok();
        let time = Time::new(narrow(hour)?, narrow(minute)?, narrow(second)?, self.nanoseconds).ok()?;
        Some((time, next_day))
    }

    /// A numeric offset is measured from GMT even when a name stands beside it: "GMT+0200 (CEST)", "-0500 (EST)".
    fn zone(&self) -> Option<i32> {
        let Some((sign, hours, minutes)) = self.offset else { return Some(self.zone_seconds.unwrap_or(0)) };
        (hours <= 15 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}

fn full_year((number, digits): (i32, usize)) -> i32 {
    // RFC 2822 section 4.3: two digits below 50 are this century's, and three digits count from 1900.
    match digits {
        0..=2 if number < 50 => number + 2000,
        0..=3 if number < 1000 => number + 1900,
        _ => number,
    }
}

fn fraction(digits: &str) -> i32 {
    let mut nanoseconds = 0;
    let mut bytes = digits.bytes();
    for _ in 0..9 {
        nanoseconds = nanoseconds * 10 + i32::from(bytes.next().map_or(0, |byte| byte - b'0'));
    }
    nanoseconds
}

/// Units that are counted before `ago`.
const RELATIVE_UNITS: [&str; 20] = [
    "s", "sec", "secs", "second", "seconds", "m", "min", "mins", "minute", "minutes", "hr", "hrs", "hour",
    "hours", "d", "day", "days", "week", "weeks", "month",
];

/// Month names of two words, by both words.
const LEVANTINE_PAIRS: &[(&str, &str, i8)] =
    &[("کانون", "الثانی", 1), ("تشرین", "الاول", 10), ("تشرین", "الثانی", 11), ("کانون", "الاول", 12)];

/// Month names and abbreviations, folded: English, French, Spanish, Portuguese, German, Italian, Dutch, Polish,
/// Turkish, Russian, Ukrainian, Arabic (Egyptian, Levantine and Maghreb names) and Persian.
const MONTHS: [&str; 12] = [
    "jan january janv janvier ene enero janeiro januar janner gen gennaio januari stycznia styczen ocak \
     январь января янв січень січня січ ینایر جانفی ژانویه",
    "feb february fev fevr fevrier febrero fevereiro februar febbraio februari lutego luty subat \
     февраль февраля фев февр лютий лютого лют فبرایر شباط فیفری فوریه",
    "mar march mars marzo marco marz mrz maart mrt marca marzec mart \
     март марта мар березень березня бер مارس اذار",
    "apr april avr avril abr abril aprile kwietnia kwiecien nisan \
     апрель апреля апр квітень квітня квіт кві ابریل نیسان افریل اوریل",
    "may mai mayo maio maggio mag mei maja maj mayis \
     май мая мая травень травня трав тра مایو ایار مای مه می",
    "jun june juin junio junho juni giugno giu czerwca czerwiec haziran \
     июнь июня июн червень червня черв чер یونیو حزیران جوان ژوین ژوئن",
    "jul july juil juillet julio julho juli luglio lug lipca lipiec temmuz \
     июль июля июл липень липня лип یولیو تموز جویلیة ژوییه ژوئیه جولای",
    "aug august aout ago agosto augustus sierpnia sierpien agustos \
     август августа авг серпень серпня серп сер اغسطس اب اوت اگوست",
    "sep sept september septembre septiembre set setembro settembre septem wrzesnia wrzesien eylul \
     сентябрь сентября сен сент вересень вересня вер سبتمبر ایلول سپتامبر",
    "oct october octobre octubre out outubro okt oktober ott ottobre pazdziernika ekim \
     октябрь октября окт жовтень жовтня жовт жов اکتوبر اکتبر",
    "nov november novembre noviembre novembro listopada listopad kasim \
     ноябрь ноября ноя нояб листопад листопада лист лис نوفمبر نوامبر",
    "dec december decembre dic diciembre dez dezembro dezember dicembre grudnia grudzien aralik \
     декабрь декабря дек грудень грудня груд гру دیسمبر دسامبر",
];

const ENGLISH_MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const ENGLISH_DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn month(word: &str) -> Option<i8> {
    // Nearly every date is English: its words are settled before the long table is searched.
    if let Some(at) = ENGLISH_MONTHS.iter().position(|name| *name == word) {
        return i8::try_from(at + 1).ok();
    }
    if word.len() < 2 || ENGLISH_DAYS.contains(&word) || zone_minutes(word).is_some() {
        return None;
    }
    let at = MONTHS.iter().position(|names| names.split_ascii_whitespace().any(|name| name == word))?;
    i8::try_from(at + 1).ok()
}

/// Zone names in minutes east of Greenwich. Where a name has several meanings the one feeds use most is taken:
/// IST is India, CST and AST are American, BST is British.
fn zone_minutes(name: &str) -> Option<i32> {
    let minutes = match name {
        "z" | "ut" | "utc" | "gmt" | "wet" => 0,
        "cet" | "met" | "mez" | "bst" | "west" | "wat" => 60,
        "cest" | "mest" | "mesz" | "eet" | "cat" | "sast" => 120,
        "eest" | "msk" | "trt" | "eat" | "idt" => 180,
        "irst" => 210,
        "gst" | "msd" | "amt" | "azt" => 240,
        "irdt" | "aft" => 270,
        "pkt" | "uzt" => 300,
        "ist" => 330,
        "npt" => 345,
        "bdt" => 360,
        "mmt" => 390,
        "ict" | "wib" => 420,
        "hkt" | "sgt" | "awst" | "pht" | "wita" | "myt" => 480,
        "jst" | "kst" | "wit" => 540,
        "acst" => 570,
        "aest" => 600,
        "acdt" => 630,
        "aedt" => 660,
        "nzst" => 720,
        "nzdt" => 780,
        "brt" | "art" | "adt" | "clst" => -180,
        "ndt" => -150,
        "nst" => -210,
        "edt" | "ast" | "clt" | "vet" | "bot" => -240,
        "est" | "cdt" | "et" | "cot" | "pet" => -300,
        "cst" | "mdt" | "ct" => -360,
        "mst" | "pdt" | "mt" => -420,
        "pst" | "akdt" | "pt" => -480,
        "akst" => -540,
        "hst" => -600,
        _ => return None,
    };
    Some(minutes)
}
