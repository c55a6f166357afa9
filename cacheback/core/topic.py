"""Tells whether a question names its topic, so that it can stand without the turns before it.

What may live here: word lists of English and the rule over them. The burden is on the question:
what names no topic is taken for a follow-up, since a needless yes costs a hit and a wrong no an
answer from another conversation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from cacheback.core.words import compiled, word_set

_SIGNS = frozenset(".,:;?!\n")
# Words that can neither be a topic nor part of one.
_LIGHT = word_set(
    "a an the my your our his her their its some any each every no all both either neither such "
    "i you he she it we they me him us them mine yours myself yourself one ones is are was were "
    "be been being am do does did done doing has have had having can could should would will "
    "shall may might must let lets let's cannot don't doesn't didn't isn't aren't wasn't won't "
    "can't couldn't shouldn't wouldn't haven't hasn't i'm i've i'd i'll you're what's who's "
    "where's how's that's it's there's when's why's ain't of in on at to for from with without "
    "by about into onto over under up down out off as than per via like between among during "
    "within through after before against until since and or but if so then because while though "
    "although not also too just only even still yet very really quite much many more most less "
    "least few lot lots enough again maybe perhaps what which who whom whose where when why how "
    "there here this that these those now please thanks thank ok okay yes hi hello hey well else "
    "other another others same instead get got give gives make makes made use uses used using go "
    "goes going come take takes want need needs needed know think believe say said tell show see "
    "look mean means try keep put add remove work works working happen happens happened "
    "happening help helps matter find wants likes feel seem seems agree recommend suggest choose "
    "prefer care guess understand sure certain right wrong correct true false good bad better "
    "best worse worst nice great fine possible necessary important available included allowed "
    "required missing left next first second third last final main key major whole entire full "
    "new old big small long short easy hard different similar specific general simple serious "
    "kidding ready able always never often usually exactly actually someone anyone something "
    "anything nothing everything thing things stuff way ways kind kinds sort type types reason "
    "reasons bit time times far"
)
# Parts of a conversation or of a text: what is said of them is said of earlier turns.
_DISCOURSE = word_set(
    "answer answers question questions response reply message messages text texts paragraph "
    "paragraphs sentence sentences line lines word words list lists table tables column columns "
    "row rows bullet bullets point points code snippet function functions class method methods "
    "unit script program query variable variables comment comments docstring docstrings output "
    "input result results error errors bug bugs issue issues problem problems warning example "
    "examples step steps part parts option options item items section sections chapter title "
    "summary intro introduction conclusion draft version versions essay story poem article email "
    "letter recipe plan idea ideas suggestion suggestions solution solutions explanation detail "
    "details info information format tone style source sources reference references link links "
    "citation citations topic argument file files test tests markdown json yaml csv context "
    "evidence opinion choice choices approach formula proof translation outline heading headings"
)
# Said of something: a topic only together with what they are said of ("capital of France").
_RELATIONAL = word_set(
    "advantage advantages disadvantage disadvantages benefit benefits drawback drawbacks "
    "downside downsides upside upsides pros cons risk risks side effect effects ingredient "
    "ingredients symptom symptoms cause causes treatment treatments alternative alternatives "
    "difference differences similarity similarities price prices cost costs fee fees size weight "
    "height width length age name names population capital area location address date year "
    "author authors writer director actor actors character characters plot ending meaning "
    "purpose goal goals role function history definition requirement requirements feature "
    "features limit limits limitation limitations rule rules exception exceptions complexity "
    "duration quantity amount number numbers brand owner founder inventor winner property "
    "properties value values range default implication implications consequence consequences "
    "impact result outcome status quality speed distance temperature deadline schedule process "
    "procedure calories nutrition serving servings dose dosage team member members model rest "
    "half end beginning start middle top bottom"
)
# There is one of each, whoever asks.
_UNIQUE = word_set(
    "sky sun moon earth world internet web sea ocean universe weather government police future "
    "past present environment economy equator atmosphere stars planets planet galaxy media "
    "public law president pope bible quran bank atm app usa us uk eu un nba nfl nhl fbi cia army "
    "navy humans brain heart liver lungs body blood human dinosaurs romans greeks beatles "
    "titanic holocaust renaissance constitution alphabet gym doctor dentist phone car house "
    "kitchen news radio tv piano guitar violin flu weekend morning evening afternoon night"
)
# What can follow a noun and say which one it is.
_COMPLEMENTS = word_set(
    "of for between that which who whose whom where i you we to in on from with against about my "
    "your by at"
)
_INVERTING = word_set(
    "did does do is are was were can could should would will has have had may might must don't "
    "doesn't didn't isn't aren't wasn't weren't can't couldn't won't hasn't haven't"
)
_WEAK = _LIGHT | _DISCOURSE
_EMPTY = _WEAK | _RELATIONAL
_MANY = 5  # topic words with which a definite most likely points into the question itself

_POLITE = (
    r"(?:(?:please|kindly|hey|hi|hello|ok|okay)\b[ ,]*|(?:can|could|would|will) (?:you|we)(?! be\b)"
    r" (?:please )?(?:help me )?|(?:i want|i need|i'd like|i would like) you to |let's |lets )+"
)
# Requests to change what lies before us, unless they say whose: "change my address".
_EDITS = (
    r"(?:add|remove|delete|drop|omit|skip|exclude|include|insert|append|prepend|replace|swap|"
    r"change|modify|edit|adjust|update|fix|improve|refactor|optimi[sz]e|polish|proofread|use|try|"
    r"apply|avoid|keep|put|turn|move|rename|reorder|sort|group|number|highlight|bold|merge|"
    r"combine|split|reduce|increase|limit|cut|trim|extend|start|end|stop|make|compare both|"
    r"check|verify|test|run|implement|choose|pick|select|rank|rate|assume|ignore|focus|"
    r"consider|suppose|imagine|leave|mention|cite|quote|answer|reply|respond|speak|switch|"
    r"double|halve|round|scale|don't|do not|never|stick|stay|begin|close)\b"
)
_PLACES = (
    r"\b(?:step|steps|line|lines|part|point|option|item|paragraph|question|example|choice|answer|"
    r"section|bullet|slide|row|column|number|variant|method|approach|case|scenario|figure|"
    r"table) (?:\d+|[a-d]|one|two|three|four|five|six|i{1,3})\b(?! (?:of|in|for) )"
)
_TAILS = (
    r"\b(?:too|as well|either|instead|though|one|both|here|first|next|then|yourself|anyway|"
    r"similar|different|else|everything|all)\W*$|\binstead\b"
    r"|\b(?:what|which|any|some|are there|are|the|no|many|few) other\b(?! than)|\banother\b"
)
_COMPARING = (
    r"\b(?:cheaper|faster|better|bigger|smaller|larger|older|younger|taller|shorter|longer|"
    r"safer|easier|simpler|harder|slower|stronger|healthier|higher|closer|nearer|newer|"
    r"worse|warmer|colder|quicker|(?:more|less) (?!than|people|about|of|and|followers|energy|"
    r"money|time|water|sleep)\w+)\b"
)
_ASKS_WHAT_IS = (
    r"(?:what|who)(?:'s|s| is| are| was| were) |(?:explain|define|describe|tell me about|"
    r"teach me|what does .{1,40} mean|how (?:do|does) .{1,40} work|what do you know about|"
    r"what time is it in|what makes|what causes|"
    r"is it (?:possible|legal|safe|true|ok|okay|illegal|allowed|normal|bad|healthy|worth)|"
    r"where (?:can|do|could) i (?:find|buy|get)|how old (?:is|was)|how tall is|"
    r"how do you (?:say|spell|pronounce|make|cook)|how to|why do|why does|why is|why are)\b"
)
_OPENS_A_SENTENCE = (
    r"(?:what|who|where|when|why|how|which|whose|is|are|was|were|am|do|does|did|can|could|should|"
    r"would|will|may|must|have|has|had|in|on|at|for|if|explain|describe|define|tell|teach|list|"
    r"write|give|show|translate|summari[sz]e|create|generate|find|calculate|compute|convert|solve|"
    r"compare|name|recommend|suggest|outline|discuss|analy[sz]e|design|build|draw|compose|i|we|my|"
    r"our|there|the|a|an|it|book|order|play|set|call|send|text|remind|transfer|pay|cancel|"
    r"schedule|order|open|activate|freeze|block|report)\b"
)
_ANSWERS = (
    r"(?:i|we) (?:prefer|like|want|meant|mean|think|choose|pick|live|have|am|work|understand|agree|"
    r"disagree|don't|do not|did|tried|already)\b|(?:i'm|i'd|i've) "
)
_TELLS = (
    r"(?:my|our) (?:name|budget|email|e-mail|age|address|favou?rite|phone number|number|"
    r"birthday|goal|deadline) (?:is|was|are)\b"
)


def names_its_topic(text: str, lower: str, words: Sequence[str]) -> bool:
    """Whether a question (as written, in lower case, and as its lower-case words and signs) says
    what it is about.
    """
    polite = compiled(_POLITE).match(lower)
    asked = lower[polite.end() :] if polite else lower
    topic = [word for word in words if word not in _EMPTY and word not in _SIGNS]
    own = any(one in ("my", "our") and other not in _WEAK for one, other in pairwise(words))
    if (
        compiled(_PLACES).search(asked)
        or compiled(_TELLS).match(asked)
        or (compiled(_EDITS).match(asked) and not own)
    ):
        return False
    if not lower.isascii() and _LIGHT.isdisjoint(words):  # a language whose words are unknown here
        return False
    weight = len(topic) + own
    if weight < _MANY and (
        compiled(_TAILS).search(asked)
        or (compiled(_COMPARING).search(asked) and not {"than", "or"} & set(words))
        or (compiled(_ANSWERS).match(asked) and not own)
    ):
        return False
    if any(_bare_definites(text, words, many=weight >= _MANY)):
        return False
    return weight >= _least(asked, words)


def _least(asked: str, words: Sequence[str]) -> int:
    """How many words of a topic a question of this form has to name."""
    if compiled(_ASKS_WHAT_IS).match(asked) or _has_complement(words):
        return 1
    if compiled(_OPENS_A_SENTENCE).match(asked):
        return 2
    return 3  # a fragment: a choice among what was offered, such as "the blue one"


def _has_complement(words: Sequence[str]) -> bool:
    """Whether a noun is said of something: "capital of France", but not "code in French"."""
    said = [word for word in words if word not in ("a", "an")]
    return any(
        (link == "of" or (link in _COMPLEMENTS and head not in _WEAK)) and after not in _EMPTY
        for head, link, after in zip(said, said[1:], said[2:], strict=False)
    )


def _bare_definites(text: str, words: Sequence[str], *, many: bool) -> Iterator[str]:
    """The nouns after "the" of which the question does not say which one is meant."""
    # How many words after it are a verb: "does the loop [stop early]", "was the book [read]".
    subject = {
        at + 1: 2 if word in ("did", "does", "do") else 1
        for at, word in enumerate(words)
        if word in _INVERTING
    }
    asks_what = words[0] in ("what", "who", "which", "what's", "who's", "whats", "whos")
    for at, word in enumerate(words):
        if word != "the":
            continue
        noun, after = _noun_phrase(words, at + 1)
        known = [one for one in noun if one not in _EMPTY]
        if after in _COMPLEMENTS or not _UNIQUE.isdisjoint(noun) or _any_name(text, noun):
            continue
        verb = 0 if asks_what and at <= 2 else subject.get(at, 0)  # noqa: PLR2004 — "what is the"
        if len(known) - verb >= 2 or (known and (many or noun[0] in ("most", "fewest"))):  # noqa: PLR2004 — a noun with its own modifier
            continue
        yield " ".join(noun)


def _noun_phrase(words: Sequence[str], start: int) -> tuple[list[str], str]:
    """The words from a place to the next that cannot belong to a noun, and that word."""
    end = start
    modifiers = _LIGHT - _STOPS
    while end < len(words) and words[end] not in _SIGNS:
        if words[end] in _LIGHT and words[end] not in modifiers:
            break
        end += 1
    after = words[end] if end + 1 < len(words) else ""
    return list(words[start:end]), after


# Light words that end a noun phrase; the others ("main", "first") can stand inside of one.
_STOPS = _LIGHT - word_set(
    "other same right wrong correct true false good bad better best worse worst nice great "
    "possible necessary important available required missing left next first second third last "
    "final main key major whole entire full new old big small long short easy hard different "
    "similar specific general simple most least thing things way ways kind kinds type types "
    "reason reasons time times"
)


def _any_name(text: str, noun: Sequence[str]) -> bool:
    return any(
        f" {word[:1].upper()}{word[1:]}" in text or f" {word.upper()}" in text for word in noun
    )
