"""Tells questions whose answer changes from day to day."""

from __future__ import annotations

from collections.abc import Sequence

from cacheback.core.words import compiled, word_set

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
_NOT_NOW = (
    r"\b(?:at the latest|usa today|(?:electric(?:al)?|alternating|direct|ocean|eddy|gulf|induced) "
    r"currents?|(?:the )?current (?:through|flow|flows|flowing|in (?:a|the) "
    r"(?:circuit|wire|resistor|coil|river)|divider|density|carrying|source|sensor|transformer|law|"
    r"accounts?|assets|liabilities|ratio|password|pin|card|phone number|address|"
    r"(?:working )?directory|folder|user|thread|branch|line|page|session|url|process|node|element|"
    r"row|iteration|timestamp|window|cell|index)|"
    r"(?:get|print|show|display|find|format|insert|store|return|fetch|add|read) (?:me )?the "
    r"(?:current|latest|most recent|newest|today's) [\w ]{0,60}?(?:in|with|using|from|of) "
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

_NOW = (
    r"(?<!^)(?<!and )(?<!ok )(?<!okay )(?<!, )\bnow\b"
    r"(?! (?:explain|write|do|make|translate|tell|give|show|try|add|list|in|for|with|let|we|can|"
    r"please|summari[sz]e|rewrite|convert|that))|\bright now\b|^now\?*$"
)
_CURRENT = r"\bcurrent\b(?=\W+\w)|\bthe current\b"
_THIS = rf"\bthis (?:coming |past )?{_PERIOD}\b"
_LAST = (
    rf"\b(?:last|past|coming|upcoming|next) (?:{_PERIOD}|game|match|election|eclipse|full moon|"
    r"episode|train|bus|flight|holiday|bank holiday|launch|release|world cup|olympics|superbowl)\b"
)
_WEATHER = r"(?<!\bis )(?<!\babout )\bweather\b"
_TEMPERATURE = (
    r"\b(?:temperature|temp|humidity)\b (?:outside|right|today|like|"
    r"(?:is it )?in (?!celsius|kelvin|fahrenheit|degrees|physics|chemistry|an? |my |the (?:oven|"
    r"fridge|freezer|room|kitchen))[a-z]+(?: [a-z]+){0,2}\W*$)"
)
_PRICE = (
    rf"\b(?:prices?|value|worth|cost) of (?:an? |one |the )?{_PRICED}\b"
    rf"|\b{_PRICED} (?:prices?|rates?|cost)\b|\bprice of (?!an? (?:option|derivative))\w+"
    rf"|\b(?:share|stock|spot|market|house|home|housing|fuel) prices?\b"
    rf"|\bhow much (?:is|are|does) (?:an? |one |the )?{_PRICED}\b"
)
_STOCK = (
    r"\bin stock\b|\bstocks? (?:prices?|quotes?|doing|up|down|worth|trading|performance|today)\b"
    r"|\bstock market (?:doing|up|down|open|closed|today)|\bhow (?:is|are|did) [\w' ]{1,60} "
    r"stocks?\b"
    r"|\b(?:is|are) [\w' ]{1,60} stocks? (?:up|down|a good)"
    r"|^(?!what|how|why|define|explain|make|buy)(?!.*\b(?:chicken|beef|vegetable|fish|veal|turkey|"
    r"bone|rolling|live|laughing|a|common|preferred|treasury|penny|capital) stocks?\b)"
    r"[\w.&'-]{1,30}(?: [\w.&'-]{1,30}){0,2} stocks?\W*$"
)
_RATE = (
    r"^(?!.*\b(?:what (?:is|are|does) (?:an? )?(?:exchange|interest|inflation|mortgage) rates?"
    r"(?: mean)?\W*$|how (?:is|are|do|does) [\w ]{0,60}rates? (?:work|calculated|determined|set|"
    r"computed|"
    r"defined|affect\w*)|define|definition|difference))"
    r".*\b(?:exchange|mortgage|interest|inflation|unemployment|conversion|currency) rates?\b"
)
_CONVERSION = (
    rf"\b{_MONEY}\b[\w\s]{{0,60}}\b(?:in|to|into|for|worth in)\b (?:us |british )?{_MONEY}\b"
)
_SCORE = (
    r"\bthe scores?\b(?= |\W*$)(?! (?:of|for) (?:a|an|my))|\blive scores?\b|\bscores? of the\b"
    r"|\b(?:game|match) scores?\b|^\w+ scores?\W*$"
)
_WHO = (
    rf"^(?!.*\b(?:1[0-9]{{3}}|20[0-9]{{2}}|was|were|first|former)\b)"
    rf".*\b(?:who(?:'s|s| is| are)|name of|names? the)\b[\w',. -]{{0,60}}\b{_OFFICE}\b"
)
_WON = (
    r"^(?!.*\b(?:1[0-9]{3}|20[0-9]{2})\b).*\bwho (?:won|is winning|is leading|lost|scored) "
    r"[\w' ]{0,60}\b(?:game|match|race|election|cup|bowl|finals?|series|derby|prix|"
    r"league|championship|oscars?|open|debate|playoffs?|tournament)\b"
)
_OPEN = (
    r"^(?:is|are) (?!(?:i|my|we|this|the (?:set|interval|group|integral|curve|circuit|function))\b)"
    r"(?!.* (?:on|at) (?:sundays?|weekends|christmas))"
    r"[\w' .&-]{1,60} (?:open|closed|down|out|available|online|alive|running|live|working)"
    r"(?: (?:now|today|yet|again|for everyone|in \w+))?\W*$"
)
_YET = (
    r"^(?:is|are|has|have|does|do|did|was|when|who)\b"
    r"(?! (?:i|my|we|our|it possible)\b).*\b(?:yet|still)\b"
)
_DATE = (
    r"\bwhat(?:'s|s| is| was| will be)? (?:the |today's )?(?:date|day|year|month)\b"
    r"(?: (?:is it|is today|today|now|are we|is this|of the week is it)|\W*$)"
)
_TIME = (
    r"\btime is it\b|\bwhat(?:'s|s| is) the time\b|^(?:the )?time in \w+(?: \w+)?\W*$"
    r"|\bwhat time\b[\w ]{0,60}\bin [a-z ]{1,60} (?:now|right now)"
)
_UNTIL = (
    r"\b(?:how (?:long|many|much)\b[\w ]{0,60}\b(?:until|till|left|since|ago|before)\b"
    r"(?! (?:my|i|the (?:card|money|payment|transfer|refund)|a |an )\b)|countdown)"
)
_TICKER = (
    r"^\$?(?:tsla|aapl|nvda|amzn|googl?|msft|nflx|amd|gme|spy|qqq|btc|eth|xrp|doge|bitcoin|"
    r"ethereum|dogecoin|nasdaq|dow jones|s&p 500|ftse|dax|nikkei)(?: (?:price|stock|value|"
    r"chart|usd|eur))?\W*$"
)
_GAME = (
    r"^(?!.*\b(?:1[0-9]{3}|20[0-9]{2})\b)(?:did|have|has|are|is|do|does) (?:the )?"
    r"(?!i |we |my |you )[\w'.&-]{1,30}(?: [\w'.&-]{1,30}){0,3} "
    r"(?:win|won|lose|lost|winning|losing|play|playing)\W*$"
)
_LEAD = (
    r"\bwho(?:'s|s| is)? (?:leads?|leading|tops|topping|winning|ahead|first)\b.{0,40}"
    r"\b(?:league|table|race|polls?|standings|championship|rankings|liga|bundesliga|serie|group|"
    r"conference|division|tour)\b"
)
_DELAYS = (
    r"\b(?:is|are) there (?:any |an? )?(?:\w+ )?(?:delays?|outages?|strikes?|disruptions?|"
    r"road ?works|traffic jams?|accidents?|power cuts?|warnings?|alerts?)\b"
)
_BALANCE = (
    r"\bwhat(?:'s|s| is| are)? (?:the balance|my (?:[\w']+ ){0,3}(?:balances?))\b"
    r"|^(?:please )?(?:check|show|tell)(?: me)? my (?:[\w']+ ){0,2}balance\b"
    r"|\bhow much (?:money |cash )?(?:do i have|have i got|is (?:in|on) my)\b"
)
_PARCEL = (
    r"\bwhere(?:'s|s| is| are) my (?:\w+ )?(?:packages?|parcels?|orders?|delivery|shipment|flight|"
    r"luggage|uber|taxi|ride|driver|bus|train)\b|^track my\b"
    r"|\bstatus of (?:my|the|order)\b|^(?:has|did|is) my (?:\w+ )?(?:package|parcel|order|"
    r"delivery|shipment) (?:been )?(?:shipped|ship|arrived?|delivered|here|ready|on)\b"
)
_HOURS = (
    r"\b(?:what time|when) (?:does|do|is|are|will) .{1,60}\b(?:close|open|closing|opening)\W*"
    r"(?:$|\b(?:in|on|at)\b)|\bwhat time (?:does|is|will) .{1,60}\b(?:start|begin|end|leave|"
    r"depart|arrive|land)\b"
)
_RECENT = r"\b(?:recent|recently)\b"
_ALWAYS = ""
_WORD = r"[^\W_]+(?:'[^\W_]+)?"

# Words that can make a question one about now → what has to be found around them.
_TRIGGERS: tuple[tuple[frozenset[str], str], ...] = tuple(
    (word_set(words), pattern)
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
        (
            "tsla aapl nvda amzn goog googl msft nflx amd gme spy qqq nasdaq dow s ftse dax nikkei",
            _TICKER,
        ),
        ("btc eth xrp doge bitcoin ethereum dogecoin", _TICKER),
        ("win won lose lost winning losing play playing", _GAME),
        ("leads lead leading tops topping winning ahead first", _LEAD),
        ("delay delays outage outages strike strikes disruption disruptions roadworks", _DELAYS),
        ("works accident accidents warning warnings alert alerts jam jams cut cuts", _DELAYS),
        ("balance balances have got", _BALANCE),
        ("my status track", _PARCEL),
        ("close open closing opening start begin end leave depart arrive land", _HOURS),
        ("moment", r"\bat the moment\b"),
        ("days", r"\bthese days\b"),
        ("far", r"\bso far (?:this|in|today)?"),
        ("of", r"\bas of\b"),
        ("up", r"\bup[ -]to[ -]date (?:list|info\w*|data|news|figures|on)\b"),
        ("traffic", r"\btraffic (?:like|on|in|to|report|conditions)\b|\bthe traffic\b"),
        ("sunset sunrise", r"\b(?:when|what time|time)\b.{0,80}\b(?:sunset|sunrise)\b"),
        ("rain snow raining snowing", r"\b(?:will it|is it|going to) (?:rain|snow)"),
        ("flight", r"\bflight\b.{0,80}\b(?:delayed|on time|status|land\w*|arriv\w*)\b"),
        ("version", r"\bwhat(?:'s| is) the version\b|\bnew(?:est)? version\b"),
        ("theaters cinemas", r"\bin (?:theaters|cinemas)\b"),
        ("playing", r"\bwhat(?:'s|s| is) playing\b"),
    )
)


def asks_about_now(lower: str, words: Sequence[str]) -> bool:
    """Whether the answer to a question (lower case, and as words) depends on the day."""
    if not _found(lower, words):
        return False
    # Tried last: it is long, and most questions have no trigger.
    plain = compiled(_NOT_NOW).sub(" ", lower)
    return plain == lower or _found(plain, compiled(_WORD).findall(plain))


def _found(lower: str, words: Sequence[str]) -> bool:
    # Each pattern once, however often its words occur: else a long question takes minutes.
    present = set(words)
    return any(
        not triggers.isdisjoint(present) and compiled(pattern).search(lower)
        for triggers, pattern in _TRIGGERS
    )
