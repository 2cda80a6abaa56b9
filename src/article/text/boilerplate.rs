//! Boilerplate: what a site says about itself among what it tells.
//!
//! Owns the table of such lines and line ends, in the languages of the feeds. Rules look at whole lines or at
//! the last words of one, never at words within a sentence: "Share prices fall" is news.
//! Refuses to guess: what is not in the table stays.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::article::words;

/// Lines dropped when they say nothing else; case, accents, digits and outer punctuation aside.
const LINES: &str = "\
    advertisement | advertising | ad | sponsored | sponsored content | story continues below | \
    story continues below advertisement | article continues below | article continues after advertisement | \
    share | share this | share this article | share this story | comments | comment | no comments | \
    leave a comment | add comment | post a comment | read comments | view comments | read more | \
    read more here | read full article | read full story | read the full article | read the full story | \
    read the full story here | read the rest | read the rest of this entry | read on | more | learn more | \
    find out more | see more | show more | load more | view more | continue reading | \
    continue reading the main story | keep reading | click here | click here to read more | \
    click to read more | click here for more | click to expand | tap here | full story | \
    sign up for our newsletter | sign up to our newsletter | subscribe to our newsletter | subscribe | \
    subscribe now | sign up | sign in | log in | newsletter | follow us | related | related articles | \
    related stories | related topics | related posts | most read | most popular | recommended | \
    recommended for you | more on this story | you may also like | skip to content | skip to main content | \
    skip advertisement | print | email | e-mail | bookmark | save | copy link | listen | \
    listen to this article | watch | watch live | getty images | file photo | image caption | \
    image source | media caption | all rights reserved | back to top | view original | \
    view original article | view in browser | view deal | see deal | accept | accept cookies | \
    toggle caption | hide caption | enlarge this image | loading | \
    to read this article in full please click here | \
    publicité | partager | partager cet article | lire la suite | lire plus | lire l'article | lire aussi | \
    en savoir plus | suite | cliquez ici | commentaires | aucun commentaire | laisser un commentaire | \
    imprimer | envoyer par e-mail | s'abonner | abonnez-vous | inscrivez-vous à notre newsletter | \
    suivez-nous | à lire aussi | sur le même sujet | continuer la lecture | voir plus | \
    publicidad | compartir | comparte | comparte este artículo | leer más | lee más | \
    leer noticia completa | seguir leyendo | sigue leyendo | continuar leyendo | continúa leyendo | \
    haga clic aquí | haz clic aquí | comentarios | sin comentarios | deja un comentario | imprimir | \
    suscríbete | suscríbete a nuestro boletín | síguenos | ver más | te puede interesar | lea también | \
    noticias relacionadas | \
    إعلان | اعلان | شارك | مشاركة | شارك هذا المقال | شارك المقال | اقرأ المزيد | إقرأ المزيد | اقرأ أيضا | \
    اقرأ أيضًا | المزيد | تابع القراءة | أكمل القراءة | قراءة المزيد | للمزيد | اضغط هنا | انقر هنا | \
    التعليقات | تعليقات | لا توجد تعليقات | طباعة | تابعنا | اشترك | اشترك في نشرتنا البريدية | \
    مواضيع ذات صلة | أخبار ذات صلة | \
    anzeige | werbung | teilen | artikel teilen | weiterlesen | mehr lesen | mehr dazu | mehr | \
    lesen sie mehr | hier klicken | klicken sie hier | kommentare | keine kommentare | \
    kommentar hinterlassen | drucken | newsletter abonnieren | abonnieren | folgen sie uns | zum artikel | \
    lesen sie auch | mehr zum thema | den ganzen artikel lesen | zur startseite | \
    publicidade | compartilhar | compartilhe | partilhar | leia mais | ler mais | saiba mais | \
    continue lendo | continuar lendo | continuar a ler | clique aqui | comentários | nenhum comentário | \
    deixe um comentário | assine nossa newsletter | siga-nos | leia também | veja também | \
    реклама | поделиться | читать далее | читать полностью | подробнее | комментарии | читайте также | \
    подписаться | pubblicità | condividi | leggi tutto | leggi di più | leggi anche | continua a leggere | \
    commenti | reklam | paylaş | devamını oku | devamı | yorumlar | haberin devamı";

/// Headings of lists of other articles, alone on their line or before a colon; case and punctuation aside.
const LINK_HEADINGS: &str = "\
    related | related articles | related stories | related posts | related news | related content | \
    related coverage | related reading | related topics | read also | also read | read more | read next | \
    see also | more on this | more on this story | more on this topic | more stories | more news | \
    further reading | recommended | recommended for you | you may also like | you might also like | \
    most read | most popular | \
    à lire aussi | lire aussi | à lire également | lire également | sur le même sujet | articles liés | \
    articles similaires | articles connexes | voir aussi | \
    lea también | lee también | le puede interesar | te puede interesar | noticias relacionadas | \
    artículos relacionados | ver también | \
    اقرأ أيضا | اقرأ أيضًا | إقرأ أيضا | إقرأ أيضًا | اقرأ المزيد | مواضيع ذات صلة | أخبار ذات صلة | مقالات ذات صلة | \
    lesen sie auch | mehr zum thema | leia também | leia mais | veja também | notícias relacionadas | \
    читайте также | по теме | leggi anche | articoli correlati | ilgili haberler";

/// Words of which a share bar is made; a line of two or more of them, and nothing else, is one.
const SHARE_WORDS: &str = "\
    share | tweet | email | e-mail | mail | print | facebook | twitter | x | whatsapp | linkedin | reddit | \
    pinterest | pin | telegram | tumblr | pocket | flipboard | messenger | instagram | youtube | copy | \
    link | save | bookmark | comment | comments | partager | tweeter | envoyer | imprimer | compartir | \
    tuitear | imprimir | teilen | twittern | drucken | compartilhar | partilhar | مشاركة | شارك | فيسبوك | \
    تويتر | واتساب | تلغرام | طباعة";

/// Words that join those of a share bar.
const SHARE_JOINTS: &str = "\
    on | this | via | by | to | and | article | story | page | post | sur | en | auf | no | par | per | \
    على";

/// Lines dropped when they start so and go on for at most so many words: the words that follow name a place, a
/// date or another article.
const LINE_STARTS: &[(&str, usize)] = &[
    ("originally published on", 8),
    ("originally published at", 8),
    ("originally published by", 8),
    ("this article originally appeared on", 12),
    ("this article was originally published", 16),
    ("this story was originally published", 16),
    ("this post was originally published", 16),
    ("follow us on", 14),
    ("also follow us on", 20),
    ("like us on facebook", 12),
    ("join us on telegram", 12),
    ("sign up for our newsletter", 20),
    ("sign up to our newsletter", 20),
    ("sign up here for", 14),
    ("subscribe to our newsletter", 20),
    ("subscribe to our", 10),
    ("click here to", 12),
    ("click here for", 12),
    ("read the full story at", 10),
    ("read the full story on", 10),
    ("read the full article at", 10),
    ("read the full article on", 10),
    ("read full article at", 10),
    ("to read this article in full", 8),
    ("get our free app", 20),
    ("get our morning and afternoon news emails", 14),
    ("continue reading at", 8),
    ("continue reading on", 8),
    ("cet article est apparu en premier sur", 10),
    ("suivez-nous sur", 12),
    ("inscrivez-vous à notre newsletter", 14),
    ("abonnez-vous à notre newsletter", 14),
    ("síguenos en", 12),
    ("suscríbete a nuestro", 14),
    ("suscríbase a nuestro", 14),
    ("folgen sie uns auf", 12),
    ("abonnieren sie unseren newsletter", 14),
    ("siga-nos no", 12),
    ("assine nossa newsletter", 14),
    ("تابعنا على", 12),
    ("تابعونا على", 12),
    ("اشترك في نشرتنا", 12),
];

/// Starts of lines that lead to another article, when a colon follows; the rest is that article's headline.
const LINK_STARTS: &str = "\
    read more | read also | also read | read next | see also | related | more on this | recommended | \
    further reading | lire aussi | à lire aussi | lire la suite | lea también | lee también | leer más | \
    te puede interesar | lesen sie auch | mehr zum thema | leia também | leia mais | veja também | \
    اقرأ أيضا | اقرأ أيضًا | إقرأ أيضا | اقرأ المزيد | читайте также | leggi anche";

/// Starts of lines that ask for a subscription, when one of [`SUBSCRIPTIONS`] is named in them.
const SUBSCRIBING_STARTS: &str = "\
    sign up | subscribe | get our | get the | join our | inscrivez-vous | abonnez-vous | recevez | \
    suscríbete | suscríbase | abonnieren sie | melden sie sich | assine | inscreva-se | receba | اشترك | \
    подпишитесь | iscriviti";

/// What such lines offer.
const SUBSCRIPTIONS: &str = "\
    newsletter | newsletters | news emails | boletín | boletines | boletim | infolettre | النشرة | نشرتنا | \
    рассылку";

/// How syndication plugins sign: a start, and what must follow it within the line's end.
const SIGNATURES: &[(&str, &[&str])] = &[
    ("The post ", &[" appeared first on ", " first appeared on "]),
    ("The article ", &[" appeared first on ", " first appeared on "]),
    ("L’article ", &[" est apparu en premier sur "]),
    ("L'article ", &[" est apparu en premier sur "]),
    ("Cet article ", &[" est apparu en premier sur "]),
    ("La entrada ", &[" se publicó primero en ", " apareció primero en ", " aparece primero en "]),
    ("Der Beitrag ", &[" erschien zuerst auf ", " erschien zuerst bei "]),
    ("O post ", &[" apareceu primeiro em "]),
    ("L'articolo ", &[" proviene da ", " sembra essere il primo su "]),
    ("L’articolo ", &[" proviene da ", " sembra essere il primo su "]),
    ("ظهرت المقالة ", &[" أولاً على ", " أولا على "]),
    ("ظهرت المقالة ", &[" أولاً في "]),
    ("Сообщение ", &[" появились сначала на ", " появилась сначала на ", " впервые появилось "]),
];

/// Last words of a line that are dropped when a sentence ends before them or they trail off.
const ENDINGS: &str = "\
    continue reading | read more | read on | read the full story | read full story | read full article | \
    read the full article | click here | click here to read more | click here for more | keep reading | \
    more | learn more | read more here | view original | view full article | lire la suite | \
    en savoir plus | lire plus | leer más | sigue leyendo | seguir leyendo | continuar leyendo | \
    weiterlesen | mehr lesen | mehr | leia mais | continue lendo | ler mais | اقرأ المزيد | إقرأ المزيد | \
    المزيد | تابع القراءة | читать далее | leggi tutto | devamını oku";

/// A line longer than this, in bytes, is never boilerplate as a whole.
const LINE_LENGTH_MAX: usize = 400;

/// A heading of a list of links is at most this long, in bytes.
const HEADING_LENGTH_MAX: usize = 100;

/// A signature (with the title in it) is at most this long, in bytes.
const SIGNATURE_LENGTH_MAX: usize = 600;

/// Words of a line that offers a subscription; a longer one tells something else too.
const SUBSCRIPTION_WORDS_MAX: usize = 24;

/// How many endings a line may lose: "Read more […]" has two.
const ENDINGS_MAX: usize = 4;

/// Words of the longest entry of [`ENDINGS`].
const ENDING_WORDS_MAX: usize = 5;

static LINE_SET: LazyLock<HashSet<String>> = LazyLock::new(|| keys(LINES).collect());
static HEADING_SET: LazyLock<HashSet<String>> = LazyLock::new(|| keys(LINK_HEADINGS).collect());
static SHARE_SET: LazyLock<HashSet<String>> = LazyLock::new(|| keys(SHARE_WORDS).collect());
static JOINT_SET: LazyLock<HashSet<String>> = LazyLock::new(|| keys(SHARE_JOINTS).collect());
static ENDING_SET: LazyLock<HashSet<String>> = LazyLock::new(|| keys(ENDINGS).collect());
static LINK_SET: LazyLock<HashSet<String>> = LazyLock::new(|| keys(LINK_STARTS).collect());
static SUBSCRIBING: LazyLock<Vec<String>> = LazyLock::new(|| keys(SUBSCRIBING_STARTS).collect());
static OFFERS: LazyLock<Vec<String>> = LazyLock::new(|| keys(SUBSCRIPTIONS).collect());
static START_TABLE: LazyLock<Vec<(String, usize)>> =
    LazyLock::new(|| LINE_STARTS.iter().map(|(start, words_max)| (key(start), *words_max)).collect());

/// The entries of a table, as lines are compared with them.
fn keys(table: &str) -> impl Iterator<Item = String> {
    table.split('|').map(key)
}

/// A line without its boilerplate: the line itself, what is left of it, or nothing.
pub(super) fn trim(line: &str) -> &str {
    let mut line = line.trim();
    for _ in 0..ENDINGS_MAX {
        let shorter = without_ending(without_signature(line));
        if shorter.len() == line.len() {
            break;
        }
        line = shorter;
    }
    if is_boilerplate(line) { "" } else { line }
}

/// Whether a line is the heading of a list of other articles.
pub(super) fn announces_links(line: &str) -> bool {
    line.len() <= HEADING_LENGTH_MAX && HEADING_SET.contains(&key(line))
}

/// Words folded, without digits and punctuation, one space between them.
fn key(line: &str) -> String {
    let folded = words::fold(line);
    let words = folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty() && !word.chars().all(char::is_numeric));
    words.collect::<Vec<_>>().join(" ")
}

fn is_boilerplate(line: &str) -> bool {
    if line.len() > LINE_LENGTH_MAX {
        return false;
    }
    let key = key(line);
    if key.is_empty() {
        // A number may be the news; a row of dashes or bullets is none.
        return !line.contains(char::is_alphanumeric);
    }
    LINE_SET.contains(&key)
        || is_share_bar(&key)
        || starts_like_boilerplate(&key)
        || offers_subscription(&key)
        || leads_elsewhere(line)
}

fn is_share_bar(key: &str) -> bool {
    let is_share = |word: &str| SHARE_SET.contains(word);
    key.contains(' ')
        && key.split(' ').all(|word| is_share(word) || JOINT_SET.contains(word))
        && key.split(' ').any(is_share)
}

fn starts_like_boilerplate(key: &str) -> bool {
    START_TABLE.iter().any(|(start, words_max)| {
        key.strip_prefix(start.as_str()).is_some_and(|rest| {
            (rest.is_empty() || rest.starts_with(' ')) && rest.split_whitespace().count() <= *words_max
        })
    })
}

fn offers_subscription(key: &str) -> bool {
    let starts = SUBSCRIBING
        .iter()
        .any(|start| key.strip_prefix(start.as_str()).is_some_and(|rest| rest.starts_with(' ')));
    let padded = || format!(" {key} ");
    starts
        && key.split(' ').count() <= SUBSCRIPTION_WORDS_MAX
        && OFFERS.iter().any(|offer| padded().contains(&format!(" {offer} ")))
}

fn leads_elsewhere(line: &str) -> bool {
    line.split_once(':').is_some_and(|(start, _)| start.len() < 60 && LINK_SET.contains(&key(start)))
}

/// The line without "The post X appeared first on Y" at its end.
fn without_signature(line: &str) -> &str {
    let from = floor_boundary(line, line.len().saturating_sub(SIGNATURE_LENGTH_MAX));
    let (_, tail) = line.split_at(from);
    for (start, middles) in SIGNATURES {
        for (at, _) in tail.match_indices(start) {
            let signature = tail.get(at..).unwrap_or_default();
            let (before, _) = line.split_at(from + at);
            if starts_sentence(before) && middles.iter().any(|middle| is_signed(signature, middle)) {
                return before.trim_end();
            }
        }
    }
    line
}

/// Whether a site's name follows the words that sign: a short rest, and no common word first ("first appeared on the
/// agenda" is news).
fn is_signed(signature: &str, middle: &str) -> bool {
    signature.split_once(middle).is_some_and(|(_, site)| {
        site.len() <= 120 && (middle == " appeared first on " || !site.starts_with(char::is_lowercase))
    })
}

/// The line without "[…]" or "Read more" at its end.
fn without_ending(line: &str) -> &str {
    for mark in ["[…]", "[...]", "[&#8230;]", "(more…)", "(more...)"] {
        if let Some(before) = line.strip_suffix(mark) {
            return before.trim_end();
        }
    }
    let is_trailing_off =
        line.ends_with(['…', '»', '→', '›']) || line.ends_with("...") || line.ends_with(">>");
    let mut start = line.len();
    for _ in 0..ENDING_WORDS_MAX {
        let head = line.get(..start).unwrap_or_default().trim_end();
        let (before, word) = match head.char_indices().rev().find(|(_, letter)| letter.is_whitespace()) {
            Some((at, space)) => (head.get(..at).unwrap_or_default(), head.get(at + space.len_utf8()..)),
            None => ("", Some(head)),
        };
        let Some(word) = word.filter(|word| !word.is_empty() && word.len() < 60) else { return line };
        start = head.len() - word.len();
        let ending = line.get(start..).unwrap_or_default();
        let starts_upper = word.chars().next().is_some_and(|letter| !letter.is_lowercase());
        let is_phrase = ending.contains(' ');
        let stands_apart = starts_sentence(before) || (is_trailing_off && is_phrase);
        if starts_upper && stands_apart && ENDING_SET.contains(&key(ending)) {
            return before.trim_end();
        }
        if before.is_empty() {
            return line;
        }
    }
    line
}

/// Whether what comes next starts a sentence.
fn starts_sentence(before: &str) -> bool {
    let before = before.trim_end();
    before.is_empty()
        || before.ends_with([
            '.', '!', '?', '…', '"', '”', '’', '\'', '»', ')', ']', '>', '|', '؟', ':', '-', '–', '—',
        ])
}

/// The start of the character at or before a byte.
fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
