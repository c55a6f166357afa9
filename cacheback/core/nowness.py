"""Tells questions whose answer changes from day to day."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PERIOD = (
    r"(?:week|weekend|month|year|quarter|season|semester|morning|afternoon|evening|night|summer|"
    r"winter|spring|fall|autumn|century|decade|monday|tuesday|wednesday|thursday|friday|saturday|"
    r"sunday|christmas|easter|january|february|march|april|may|june|july|august|september|october|"
    r"november|december|few|couple|\d+|days|hours|24)"
)
_OFFICE = (
    r"(?:president|prime minister|chancellor|king|queen|pope|monarch|emperor|ceo|cto|cfo|chairman|"
    r"chair|mayor|governor|senators?|secretary|minister|speaker|head coach|coach|manager|captain|"
    r"champions?|record holder|richest|leader|head of (?:state|government)|vice president|"
    r"ambassador|owner)"
)
_MONEY = (
    r"(?:dollars?|usd|euros?|eur|pounds?|gbp|sterling|yen|jpy|rupees?|inr|pesos?|mxn|francs?|chf|"
    r"yuan|rmb|cny|won|krw|bitcoins?|btc|ethereum|eth|aud|cad|krona|sek|nok|zloty|pln|rubles?)"
)
_PRICED = (
    r"(?:bitcoins?|btc|ethereum|eth|gold|silver|oil|gas|gasoline|petrol|diesel|electricity|houses?|"
    r"eggs?|milk|rice|wheat|copper|crude)"
)

# Where a word of the triggers below says nothing about now.
_NOT_NOW = re.compile(
    r"\b(?:at the latest|usa today|(?:electric(?:al)?|alternating|direct|ocean|eddy|gulf|induced) "
    r"currents?|(?:the )?current (?:through|flow|flows|flowing|in (?:a|the) "
    r"(?:circuit|wire|resistor|coil|river)|divider|density|carrying|source|sensor|transformer|law|"
    r"accounts?|assets|liabilities|ratio|password|pin|card|phone number|address|"
    r"(?:working )?directory|folder|user|thread|branch|line|page|session|url|process|node|element|"
    r"row|iteration|timestamp|window|cell|index)|"
    r"(?:get|print|show|display|find|format|insert|store|return|fetch|add|read) (?:me )?the "
    r"(?:current|latest|most recent|newest|today's) [\w ]*?(?:in|with|using|from|of) "
    r"(?:an? |the )?(?:python|java|javascript|js|bash|sql|excel|c|c\+\+|c#|php|ruby|go|rust|swift|"
    r"kotlin|pandas|linux|node|postgres|mysql|shell|typescript|r|perl|scala|git|sheets|datetime|"
    r"table|list|column|array|file|log|directory|folder)|"
    r"under the weather|weather (?:and|vs|versus|or) climate|climate (?:and|vs|versus|or) (?:the )?"
    r"weather|weather (?:vanes?|balloons?|stations?|proof|fronts?|apis?|apps?|maps?)|"
    r"(?:fake|good|bad) news|news ?papers?|newsletters?|credit scores?|"
    r"price of (?:freedom|love|anarchy|admission|silence|fame|success|peace|progress|glory|war|"
    r"everything|nothing)|yet another|still life|still water|"
    r"(?:i|we|i've|we've|i'd|have|had|just|has) recently|"
    r"recent (?:in|to) human|now that|now and then|up to now on|"
    r"present tense|today's (?:society|world))\b"
)

_NOW = re.compile(
    r"(?<!^)(?<!and )(?<!ok )(?<!okay )(?<!, )\bnow\b"
    r"(?! (?:explain|write|do|make|translate|tell|give|show|try|add|list|in|for|with|let|we|can|"
    r"please|summari[sz]e|rewrite|convert|that))|\bright now\b|^now\?*$"
)
_CURRENT = re.compile(r"\bcurrent\b(?=\W+\w)|\bthe current\b")
_THIS = re.compile(rf"\bthis (?:coming |past )?{_PERIOD}\b")
_LAST = re.compile(
    rf"\b(?:last|past|coming|upcoming|next) (?:{_PERIOD}|game|match|election|eclipse|full moon|"
    r"episode|train|bus|flight|holiday|bank holiday|launch|release|world cup|olympics|superbowl)\b"
)
_WEATHER = re.compile(r"(?<!\bis )(?<!\babout )\bweather\b")
_TEMPERATURE = re.compile(
    r"\b(?:temperature|temp|humidity)\b (?:outside|right|today|like|(?:is it )?in [a-z]+\W*$)"
)
_PRICE = re.compile(
    rf"\b(?:prices?|value|worth|cost) of (?:an? |one |the )?{_PRICED}\b"
    rf"|\b{_PRICED} (?:prices?|rates?|cost)\b|\bprice of (?!an? (?:option|derivative))\w+"
    rf"|\b(?:share|stock|spot|market|house|home|housing|fuel) prices?\b"
    rf"|\bhow much (?:is|are|does) (?:an? |one |the )?{_PRICED}\b"
)
_STOCK = re.compile(
    r"\bin stock\b|\bstocks? (?:prices?|quotes?|doing|up|down|worth|trading|performance|today)\b"
    r"|\bstock market (?:doing|up|down|open|closed|today)|\bhow (?:is|are|did) [\w' ]+ stocks?\b"
    r"|\b(?:is|are) [\w' ]+ stocks? (?:up|down|a good)"
)
_RATE = re.compile(
    r"^(?!.*\b(?:what (?:is|are|does) (?:an? )?(?:exchange|interest|inflation|mortgage) rates?"
    r"(?: mean)?\W*$|how (?:is|are|do|does) [\w ]*rates? (?:work|calculated|determined|set|"
    r"computed|"
    r"defined|affect\w*)|define|definition|difference))"
    r".*\b(?:exchange|mortgage|interest|inflation|unemployment|conversion|currency) rates?\b"
)
_CONVERSION = re.compile(
    rf"\b{_MONEY}\b[\w\s]*\b(?:in|to|into|for|worth in)\b (?:us |british )?{_MONEY}\b"
)
_SCORE = re.compile(
    r"\bthe scores?\b(?= |\W*$)(?! (?:of|for) (?:a|an|my))|\blive scores?\b|\bscores? of the\b"
    r"|\b(?:game|match) scores?\b|^\w+ scores?\W*$"
)
_WHO = re.compile(
    rf"^(?!.*\b(?:1[0-9]{{3}}|20[0-9]{{2}}|was|were|first|former)\b)"
    rf".*\b(?:who(?:'s|s| is| are)|name of|names? the)\b[\w',. -]*\b{_OFFICE}\b"
)
_WON = re.compile(
    r"^(?!.*\b(?:1[0-9]{3}|20[0-9]{2})\b).*\bwho (?:won|is winning|is leading|lost|scored) "
    r"[\w' ]*\b(?:game|match|race|election|cup|bowl|finals?|series|derby|prix|league|championship|"
    r"oscars?|open|debate|playoffs?|tournament)\b"
)
_OPEN = re.compile(
    r"^(?:is|are) (?!(?:i|my|we|this|the (?:set|interval|group|integral|curve|circuit|function))\b)"
    r"(?!.* (?:on|at) (?:sundays?|weekends|christmas))"
    r"[\w' .&-]+ (?:open|closed|down|out|available|online|alive|running|live|working)"
    r"(?: (?:now|today|yet|again|for everyone|in \w+))?\W*$"
)
_YET = re.compile(
    r"^(?:is|are|has|have|does|do|did|was|when|who)\b"
    r"(?! (?:i|my|we|our|it possible)\b).*\b(?:yet|still)\b"
)
_DATE = re.compile(
    r"\bwhat(?:'s|s| is| was| will be)? (?:the |today's )?(?:date|day|year|month)\b"
    r"(?: (?:is it|is today|today|now|are we|is this|of the week is it)|\W*$)"
)
_TIME = re.compile(
    r"\btime is it\b|\bwhat(?:'s|s| is) the time\b|^(?:the )?time in \w+(?: \w+)?\W*$"
    r"|\bwhat time\b[\w ]*\bin [a-z ]+ (?:now|right now)"
)
_UNTIL = re.compile(
    r"\b(?:how (?:long|many|much)\b[\w ]*\b(?:until|till|left|since|ago|before)\b(?! (?:my|i|the "
    r"(?:card|money|payment|transfer|refund)|a |an )\b)|countdown)"
)
_RECENT = re.compile(r"\b(?:recent|recently)\b")
_ALWAYS = re.compile("")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")

# A word that can make a question one about now → what has to be found around it.
_TRIGGERS: dict[str, re.Pattern[str]] = {
    word: pattern
    for words, pattern in (
        (
            "today today's todays tonight tonight's tomorrow tomorrow's yesterday yesterday's",
            _ALWAYS,
        ),
        ("currently nowadays latest newest upcoming trending forecast forecasts news", _ALWAYS),
        ("headlines tmrw weather's", _ALWAYS),
        ("now", _NOW),
        ("current", _CURRENT),
        ("this", _THIS),
        ("last next past coming", _LAST),
        ("weather", _WEATHER),
        ("temperature temp humidity", _TEMPERATURE),
        ("price prices cost worth value much", _PRICE),
        ("stock stocks", _STOCK),
        ("rate rates", _RATE),
        ("in to into for", _CONVERSION),
        ("score scores", _SCORE),
        ("who who's whos name names", _WHO),
        ("won winning lost scored leading", _WON),
        ("open closed down out available online alive running live working", _OPEN),
        ("yet still", _YET),
        ("date day year month", _DATE),
        ("time", _TIME),
        ("until till left since ago before countdown", _UNTIL),
        ("recent recently", _RECENT),
        ("moment", re.compile(r"\bat the moment\b")),
        ("days", re.compile(r"\bthese days\b")),
        ("far", re.compile(r"\bso far (?:this|in|today)?")),
        ("of", re.compile(r"\bas of\b")),
        ("up", re.compile(r"\bup[ -]to[ -]date (?:list|info\w*|data|news|figures|on)\b")),
        ("traffic", re.compile(r"\btraffic (?:like|on|in|to|report|conditions)\b|\bthe traffic\b")),
        ("sunset sunrise", re.compile(r"\b(?:when|what time|time)\b.*\b(?:sunset|sunrise)\b")),
        ("rain snow raining snowing", re.compile(r"\b(?:will it|is it|going to) (?:rain|snow)")),
        ("flight", re.compile(r"\bflight\b.*\b(?:delayed|on time|status|land\w*|arriv\w*)\b")),
        ("version", re.compile(r"\bwhat(?:'s| is) the version\b|\bnew(?:est)? version\b")),
        ("theaters cinemas", re.compile(r"\bin (?:theaters|cinemas)\b")),
        ("playing", re.compile(r"\bwhat(?:'s|s| is) playing\b")),
    )
    for word in words.split()
}


def asks_about_now(lower: str, words: Sequence[str]) -> bool:
    """Whether the answer to a question (lower case, and as words) depends on the day."""
    if not _found(lower, words):
        return False
    plain = _NOT_NOW.sub(" ", lower)  # tried last: it is long, and most questions have no trigger
    return plain == lower or _found(plain, _WORD.findall(plain))


def _found(lower: str, words: Sequence[str]) -> bool:
    return any(
        pattern.search(lower) for word in words if (pattern := _TRIGGERS.get(word)) is not None
    )
