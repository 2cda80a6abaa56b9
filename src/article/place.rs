//! Places: which countries a text is about.
//!
//! Owns [`places`]: names are looked up in the [`gazetteer`], the longest at each word, judged by their spelling and the words
//! beside them, settled by each other, and weighed by where they stand. Each rule stands at the function that applies it. Refuses
//! coordinates and towns: a place is a country (ISO 3166-1 alpha-2).

pub mod country;
mod cue;
pub mod gazetteer;
mod mention;
mod wording;

use self::gazetteer::{Candidate, Kind};
use self::mention::{Mention, Reading, Role, Standing, TITLE};

/// Countries kept of one text.
pub const PLACES_MAX: usize = 5;

/// What a mention in the headline is worth.
const TITLE_WEIGHT: f64 = 4.0;

/// What a mention in the text is worth, by the words before it: who is named late or once takes little part.
const TEXT_WEIGHTS: [(usize, f64); 3] = [(40, 2.0), (120, 1.0), (usize::MAX, 0.5)];

/// Mentions of one country that add up in one text; more would only show that it is long.
const MENTIONS_MAX: usize = 3;

/// What a country must be worth to be told of.
const POINTS_MIN: f64 = 0.85;

/// The same for one that the headline does not name, beside others.
const SECONDARY_POINTS_MIN: f64 = 1.9;

/// And the share it needs of what the text gives to the most named.
const SECONDARY_SHARE_MIN: f64 = 0.3;

/// How much less the text decides than the headline which place is the main one.
const TEXT_SHARE: f64 = 0.15;

/// People of a city whose name is its own also before a surname.
const LARGE_CITY_MIN: u32 = 500_000;

/// What a country is worth in the small print of a text about sport.
const SPORT_SHARE: f64 = 0.3;

/// What a country is worth in the words under a picture.
const CAPTION_SHARE: f64 = 0.45;

/// What a town is worth in a text about sport.
const CLUB_SHARE: f64 = 0.05;

/// The countries that an article is about, the main one first; empty when none is found. `language` is the article's
/// (ISO 639-1).
pub fn places(title: &str, summary: &str, body: &str, language: &str) -> Vec<&'static str> {
    let mut reading = Reading::default();
    for (field, text) in [title, summary, body].into_iter().enumerate() {
        reading.read(field, text, language);
    }
    weigh(&reading)
}

/// What is known of a country before its doubtful names are settled.
struct Evidence {
    country: &'static str,
    /// It is named by a word that means nothing else.
    is_named: bool,
    /// One of its regions, towns or institutions is.
    is_domestic: bool,
    /// Two different doubtful names speak for it, an institution among them.
    is_cued: bool,
}

fn evidence(reading: &Reading) -> Vec<Evidence> {
    let mut all: Vec<Evidence> = Vec::new();
    let is_doubtful = |mention: &&Mention, country: &str| {
        mention.candidates.iter().any(|other| other.is_ambiguous && other.country == country)
    };
    let unshared = reading.mentions.iter().filter(|mention| !mention.is_shared());
    for candidate in unshared.flat_map(|mention| &mention.candidates) {
        let index = all.iter().position(|known| known.country == candidate.country).unwrap_or_else(|| {
            let country = candidate.country;
            all.push(Evidence { country, is_named: false, is_domestic: false, is_cued: false });
            all.len() - 1
        });
        let Some(known) = all.get_mut(index) else { continue };
        if !candidate.is_ambiguous {
            known.is_named = true;
            known.is_domestic |= matches!(candidate.kind, Kind::Region | Kind::City | Kind::Institution);
        } else if candidate.kind == Kind::Institution && !known.is_cued {
            let mut cues = reading.mentions.iter().filter(|mention| is_doubtful(mention, candidate.country));
            let first = cues.next();
            known.is_cued = first.is_some_and(|first| cues.any(|other| !other.found.is_same(first.found)));
        }
    }
    // The words for institutions are the same in many countries: they say nothing where one is named.
    if all.iter().any(|known| known.is_named) {
        for known in &mut all {
            known.is_cued = false;
        }
    }
    for known in &mut all {
        known.is_domestic |= known.is_cued || known.country == "US" && reading.county > 0;
    }
    all
}

/// Whether another unambiguous name of a country was found.
fn has_other(country: &str, mention: &Mention, reading: &Reading) -> bool {
    let mut others = reading.mentions.iter().filter(|other| !other.found.is_same(mention.found));
    others.any(|other| {
        other.candidates.iter().any(|candidate| !candidate.is_ambiguous && candidate.country == country)
    })
}

/// Whether a name means this in this text.
fn is_meant(candidate: &Candidate, mention: &Mention, reading: &Reading, evidence: &[Evidence]) -> bool {
    let of = |other: &Candidate| evidence.iter().find(|known| known.country == other.country);
    let is_known = |other: &Candidate| of(other).is_some_and(|known| known.is_named || known.is_cued);
    if !candidate.is_ambiguous && candidate.kind == Kind::City && mention.standing == Standing::Person {
        // `Samar Haddad`: of a small town it is likelier a name, unless its country is meant anyway.
        return candidate.population >= LARGE_CITY_MIN || has_other(candidate.country, mention, reading);
    }
    if !candidate.is_ambiguous {
        // `Valencia`, `Congolese`: what else is named decides, else the largest of the towns.
        let is_open = mention.is_shared() && !is_known(candidate);
        let is_decided = is_open && mention.candidates.iter().any(is_known);
        return !is_open || !is_decided && mention.is_largest(candidate);
    }
    if reading.spent.iter().any(|spent| spent.is_same(mention.found)) {
        return false;
    }
    // `Georgia` with a county, a sheriff or Atlanta, and nothing of the country.
    let is_local =
        |other: &Candidate| other.kind != Kind::Name && of(other).is_some_and(|known| known.is_domestic);
    let countries = || mention.candidates.iter().filter(|other| other.kind == Kind::Name);
    let is_country_known = countries().any(is_known);
    let is_country = mention.standing == Standing::Place
        && countries().next().is_some()
        && (is_country_known || !mention.candidates.iter().any(is_local));
    if is_country {
        candidate.kind == Kind::Name && (is_known(candidate) || !is_country_known)
    } else {
        is_known(candidate) || is_local(candidate)
    }
}

fn weigh(reading: &Reading) -> Vec<&'static str> {
    let evidence = evidence(reading);
    let is_sport = reading.is_sport();
    let mut tallies: Vec<Tally> = Vec::new();
    for mention in &reading.mentions {
        let is_meant = |candidate: &&Candidate| is_meant(candidate, mention, reading, &evidence);
        for candidate in mention.candidates.iter().filter(is_meant) {
            let index =
                tallies.iter().position(|tally| tally.country == candidate.country).unwrap_or_else(|| {
                    tallies.push(Tally { country: candidate.country, title: 0.0, text: 0.0, counts: [0; 3] });
                    tallies.len() - 1
                });
            if let Some(tally) = tallies.get_mut(index) {
                let share = share(mention, candidate.kind, is_sport);
                let is_picture = reading.is_caption && mention.field != TITLE;
                tally.add(mention, if is_picture { share * CAPTION_SHARE } else { share });
            }
        }
    }
    tallies.retain(|tally| tally.title + tally.text >= POINTS_MIN);
    let is_titled = tallies.iter().any(|tally| tally.title > 0.0);
    let most = tallies.iter().map(|tally| tally.text).fold(0.0, f64::max);
    tallies.retain(|tally| {
        let is_secondary = tally.title == 0.0 && (is_titled || tally.text < most);
        !is_secondary || tally.text >= SECONDARY_POINTS_MIN.max(SECONDARY_SHARE_MIN * most)
    });
    // The sort is stable: of equals the first mentioned is the first.
    tallies.sort_by(|one, other| other.rank().total_cmp(&one.rank()));
    tallies.into_iter().map(|tally| tally.country).take(PLACES_MAX).collect()
}

/// What speaks for a country.
struct Tally {
    country: &'static str,
    title: f64,
    text: f64,
    /// Mentions by text: headline, summary, body.
    counts: [usize; 3],
}

impl Tally {
    fn add(&mut self, mention: &Mention, points: f64) {
        let Some(count) = self.counts.get_mut(mention.field) else { return };
        *count += 1;
        if *count > MENTIONS_MAX {
            return;
        }
        if mention.field == TITLE {
            self.title += TITLE_WEIGHT * points;
        } else {
            let weight = TEXT_WEIGHTS.iter().find(|(end, _)| mention.position < *end);
            self.text += weight.map_or(0.0, |(_, weight)| *weight) * points;
        }
    }

    fn rank(&self) -> f64 {
        self.title + TEXT_SHARE * self.text
    }
}

/// A site counts more than a country, a country more than its people, and these more than who speaks or where people meet. A
/// capital that is no site stands for the government.
fn share(mention: &Mention, kind: Kind, is_sport: bool) -> f64 {
    let by_kind = match (kind, mention.role) {
        (Kind::Demonym, Role::Origin) => 0.2,
        (_, Role::Aside) => 0.25,
        (_, Role::Origin) => 0.4,
        (Kind::Institution, _) => 0.5,
        (Kind::Demonym, _) | (_, Role::Actor) | (Kind::Capital, Role::Party) => 0.6,
        (Kind::Name, Role::Site) | (Kind::Region | Kind::City, Role::Party) => 1.0,
        (Kind::Capital | Kind::Region | Kind::City, _) => 1.15,
        (Kind::Name, _) => 0.9,
    };
    match kind {
        Kind::Name | Kind::Demonym if is_sport && mention.field != TITLE => by_kind * SPORT_SHARE,
        Kind::Capital | Kind::City if is_sport => by_kind * CLUB_SHARE,
        _ => by_kind,
    }
}
