//! Words that begin no topic, and words that say that something happens.
//!
//! Owns two small lists. They only make a first draft better; nothing is scored by them.

/// Whether a folded word says nothing about a subject: grammar, and what every newsroom writes.
pub(super) fn is_stopword(folded: &str) -> bool {
    STOPWORDS.split_whitespace().any(|word| word == folded)
}

/// Whether a folded word is a form of a verb, or a noun made of one, that headlines of trouble use.
pub(super) fn is_event_stem(folded: &str) -> bool {
    EVENT_STEMS.split_whitespace().any(|stem| folded.starts_with(stem))
}

/// Whether a folded word is a form of a verb that headlines of good news use.
pub(super) fn is_calm_stem(folded: &str) -> bool {
    CALM_STEMS.split_whitespace().any(|stem| folded.starts_with(stem))
}

const CALM_STEMS: &str = "
reopen open hold holds holding extend lift restor repair agree sign celebrat inaugurat welcom eas return recover rebuil resolv
rouvr rouvert prolong signe reabr reabier firm prorrog wiedereroff verlanger
";

const STOPWORDS: &str = "
the and for with that this from are was were has have had not but its his her their our your they them she you who whom
which what when where why how will would can could may might must should shall been being than then there here into onto
over under after before between during within without about against amid among along across near since until upon out off
down all any both each few more most other some such only own same too very just also again further once new old day days
week weeks month months year years today yesterday tomorrow monday tuesday wednesday thursday friday saturday sunday
january february march april june july august september october november december says say said saying tells told report
reports reported reporting according news live update updates latest video photos official officials government people
man men woman women first last two three four five six seven eight nine ten hundred thousand million dozens hundreds
thousands hours hour minutes one while because though although still now
les des une aux dans par pour sur avec sans sous entre vers chez est sont ete etait ont avait qui que quoi dont plus moins
apres avant pendant depuis selon contre tout tous toute toutes leur leurs ses son sur mais comme cette ces aux fait deux
trois ans jour jours annonce dit
los las una unos unas del con sin sobre entre hacia desde hasta por para que como mas pero sus este esta estos estas fue
son era han hay tras segun ante dos tres anos dia dias dice dijo
der die das den dem des ein eine einer eines einem einen und oder aber nicht mit von vom zum zur bei nach vor aus auf fur
uber unter gegen ist sind war waren wird werden wurde hat haben sich als auch noch mehr
dos das nos nas uma com sem sob ate apos pelo pela pelos pelas sao foi diz
nel nella della dello delle degli gli con per tra fra sono era che non dopo prima
что как это для при над под без после перед между его они она оно был была было были или если уже еще також або про від
після через перед між який яка яке які його вона воно вони був була було були
في من الى على عن مع هذا هذه التي الذي بعد قبل بين خلال منذ حتى كان كانت قال قالت
از به در با که این آن برای پس پیش را است بود
";

const EVENT_STEMS: &str = "
violat breach broke break collaps shatter unravel crumbl renounc abandon resum erupt escalat intensif flar kill wound injur
attack assault ambush bomb bombard shell strik struck hit fire shoot shot clash fight raid storm seiz captur invad besieg
blockad block bar ban halt suspend stop prevent den refus delay obstruct loot hijack abduct kidnap arrest detain expel
evict displac flee fled fleeing starv die dead death drown burn destroy damag cut clos shut evacuat declar announc impos
spread confirm surg soar rise rising jump spike plung drop fall fell leak spill explod explo crash derail sink sank flood
protest riot loot threaten warn blow blew
ferme viol romp rompu effondr repren reprend attaqu tue bless bombard frapp bloqu interdi suspend empech refus pill enlev fuit
viola romp colaps reanud atac mata mato muert herid bombarde bloque prohib suspend imped neg saque secuestr huy
verletz brech brich bruch zusammenbr angriff angegriff getot verwundet blockier gestoppt
";
