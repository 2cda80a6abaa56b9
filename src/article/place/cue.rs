//! Cues: ordinary words that say how a name near them is meant.
//!
//! Owns the word lists and nothing else. Words are folded. They are English where a rule needs English, and in the languages
//! of the larger feeds where one word settles it. Refuses names.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a word says of the names around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    /// Before a name: what is told happens there.
    Locative,
    /// After a name: it speaks, it is not where things happen.
    Says,
    /// After a name: it does harm, elsewhere.
    Strikes,
    /// After a name: somebody from there.
    Person,
    /// Before a name: people meet there.
    Meeting,
    /// After a people: what they make or a trade, not the country.
    Trade,
    /// After a name in a headline in which every word has a capital: no surname.
    Headline,
    /// Local affairs in the United States.
    County,
    /// Sport and nothing else.
    Sport,
    /// Sport, or something else.
    Game,
    /// Harm: a match at which it happens is no sport.
    Harm,
}

/// The cue that a folded word is.
pub(super) fn cue(folded: &str) -> Option<Cue> {
    CUES.get(folded).copied()
}

static CUES: LazyLock<HashMap<&'static str, Cue>> = LazyLock::new(|| {
    let lists = [
        (Cue::Headline, HEADLINE),
        (Cue::Game, GAME),
        (Cue::Locative, LOCATIVE),
        (Cue::Says, SAYS),
        (Cue::Person, PERSON),
        (Cue::Meeting, MEETING),
        (Cue::Trade, TRADE),
        (Cue::County, COUNTY),
        (Cue::Sport, SPORT),
        (Cue::Harm, HARM),
        (Cue::Strikes, STRIKES),
    ];
    // The later list wins.
    lists.into_iter().flat_map(|(cue, words)| words.split_whitespace().map(move |word| (word, cue))).collect()
});

const LOCATIVE: &str = "in at near across inside outside throughout around within en a au aux dans pres em no na nos nas im \
    bei nahe aus a nel nella в во у на под из біля під з في عند قرب";

const SAYS: &str = "says said say warns warned accuses accused denies denied urges urged calls called condemns condemned vows \
    vowed rejects rejected wants demands demanded insists insisted claims claimed slams slammed blasts welcomes welcomed \
    pledges pledged hails hailed threatens threatened backs backed signals blames blamed criticises criticizes criticised \
    criticized hopes announces announced confirms confirmed dit affirme accuse condamne dice afirma acusa condena diz disse \
    sagt warnt fordert dice afferma заявил заявила заявили предупредил заявляет считает";

const STRIKES: &str = "strikes shells bombs bombards pounds invades raids targets fires attacks hits bombed shelled invaded \
    raided bombarded pounded";

const PERSON: &str = "man woman girl boy teen teenager teens couple mother mom father dad mum tourist tourists student students \
    citizen citizens national nationals resident residents traveler traveller hiker grandmother grandfather expat expats \
    backpacker woman's man's family men women brothers sisters twins nurse teacher";

const MEETING: &str = "talks summit negotiations negotiation meeting meet meets met conference mediation forum assembly session \
    pourparlers negociations sommet reunion conversaciones negociaciones cumbre negociacoes verhandlungen gipfel treffen \
    переговоры переговорах саммит محادثات مفاوضات قمة";

const TRADE: &str = "artist artists film filmmaker filmmakers filmmaker film-maker actor actors actress actresses singer singers \
    songwriter composer author authors novelist writer writers poet poets playwright designer designers chef chefs restaurant \
    restaurants cuisine food dish dishes recipe recipes chain carmaker carmakers automaker automakers brand brands retailer \
    retailers supermarket giant language languages translation version versions subtitles speaking speakers voice accent wine \
    wines whisky whiskey beer cheese cars car bank supermodel model fashion luxury band rapper comedian cinema movie drama \
    series novel classic sitcom philosopher theologian mathematician physicist carmaker airline bulldog shepherd born descent \
    origin heritage ancestry roots dating style inspired";

const HEADLINE: &str = "king queen prince army forces troops soldiers police border borders court parliament government minister \
    ministers president opposition rebels junta coup election elections vote votes voters quake earthquake flood floods fire \
    crisis war truce ceasefire talks peace aid famine hunger drought refugees protests protest protesters strike strikes attack \
    attacks bombing blast explosion crash crashes kills killed dies dead opens closes reopens shuts seizes launches hits hit \
    bans ban passes sends signs joins leaves faces sees gets votes holds begins starts ends suspends expels recalls summons \
    arrests jails frees releases executes extends declares lifts imposes orders agrees approves plans seeks set to in on as and \
    for from with over after amid at of by is are was has will may could must who why how when where lawmakers legislature \
    governor gov senate senator house supreme state city county school schools university hospital man men woman women teen \
    mother mom father couple boy girl family student students teacher teachers judge jury officials official mayor republicans \
    democrats gop republican democrat prison inmate shooting storm storms tornado hurricane wildfire economy inflation currency \
    lira central trade exports deal pm fm foreign defense defence military general beach bay island coast hospital news";

const COUNTY: &str = "county sheriff governor statehouse trooper troopers felony deputies legislature republican republicans \
    democrat democrats gop senator bulldogs congressman congresswoman runoff mom moms";

const SPORT: &str = "prix formula snooker darts badminton volleyball handball hockey lacrosse football footballer soccer striker midfielder goalkeeper winger playoff playoffs nba nfl mlb nhl ufc wnba ncaa \
    mma quarterback touchdown touchdowns inning innings pitcher outfielder shortstop wicket wickets batsman batter bowler rugby \
    flanker cricket tennis golf golfer semifinal semifinals quarterfinal quarterfinals fixture relegation halftime spurs arsenal juventus bayern psg benfica fc utd lakers yankees hat-trick f1 \
    motogp wimbledon pga lpga preseason offseason linebacker lineman cornerback premiership bundesliga ligue laliga seria \
    championships superbowl midfield transfers epl fifa uefa ipl knockout featherweight heavyweight welterweight rebounds \
    futbol futebol entrenador delantero portero goleador entraineur buteur gardien championnat allenatore calcio fussball \
    torwart sturmer футбол футболист матч матче тренер чемпионат сборная сборной хоккей футбольний полузащитник нападающий \
    مباراة الدوري منتخب مدرب لاعب";

const GAME: &str = "league game games match matches cup club clubs team teams season player players coach manager goal goals \
    fans score scored win wins beat beats defeat defeats draw trophy title final champion champions tournament derby v vs \
    squad stadium injury olympic olympics medal sports sport draft contract rookie roster liga copa partido gol";

const HARM: &str = "killed kills kill dead dies died death deaths shot shooting police arrested arrest court jailed war attack \
    attacks bomb bombing blast stampede crush riot riots racism racist wounded injured hospital murder abuse visa sanctions \
    government minister troops military refugee refugees sanction boycott tués muertos mortos tote погибли убиты قتل مقتل";
