"""Tells questions that lean on earlier turns: pronouns with nothing to stand for, and fragments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from cacheback.core.topic import names_its_topic
from cacheback.core.words import compiled, word_set

# Words and the signs that part them.
WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?|[.,:;?!\n]")
_DETERMINERS = word_set("a an the my your our his her their its some any each every no")
# After a determiner, and yet nothing that "it" could stand for.
_NO_NOUNS = word_set("best same other way reason lot bit few first last only most")
_PEOPLE = word_set(
    "man woman boy girl guy person someone somebody anyone anybody everyone everybody nobody "
    "president king queen doctor teacher boss manager friend father mother dad mum mom wife "
    "husband "
    "brother sister son daughter child kid baby uncle aunt partner colleague customer user "
    "employee "
    "landlord tenant neighbor neighbour girlfriend boyfriend patient student lawyer author artist "
    "scientist actor actress singer director player dog cat pet grandmother grandfather client "
    "employer recipient sender spouse parent roommate prince princess emperor hero people "
    "children men women police"
)
_HE_OR_SHE = word_set("he him his himself she her hers herself he's she's he'd she'd")
_THEY = word_set("they them their theirs themselves they're they've they'll")
_IT = word_set("it its it's itself it'll")
_THAT = word_set("this that these those that's")
_NOT_PLURAL = word_set(
    "is was has does this its us yes as his hers yours ours theirs always sometimes perhaps less "
    "unless across what's how's who's where's it's that's there's lets thus plus vs thanks"
)

_EXPLETIVE = (
    r"\b(?:what|which) (?:time|day|date|year|month|season) (?:is|was|will) it\b"
    r"|\b(?:is|was|isn't|would|will|be|makes?|find|found|consider\w*) it(?: be)?(?: \w+){1,3}? "
    r"(?:to|that|if|when|for (?:\w+ ){1,3}to)\b"
    r"|\b(?:is|will|does|did|would|was|when) it (?:going to )?(?:be )?(?:rain|snow|get dark|hot|"
    r"cold|"
    r"warm|freez|sunny|cloudy|windy|dark|daylight|monsoon|summer|winter|christmas|easter)\w*"
    r"|\b(?:does|do|did|will|would|can|could|should|might|may) it (?:usually |typically |normally |"
    r"really |still )?(?:take|cost|matter|require|hurt|mean|make sense|help|feel|work)"
    r"(?: \w+){0,4}? (?:to|if|when|for|that|how|what|where)\b"
    r"|\bit(?:'s| is|'ll be| was| will be| would be| takes| costs| seems| appears| looks like|"
    r" turns out| helps| depends| hurts| rains| snows| says)\b"
    r"|\bhow (?:is|come|was) it that\b|\bhow (?:far|long|hot|cold|warm|late|early|likely|common) "
    r"(?:is|was|will) it\b(?: \w+){0,8} (?:from|to|between|in|for|that)\b"
    r"|\bwhat (?:is|was|'s) it like\b|\bit (?:is|was) (?:possible|legal|safe|true|raining|\w+ to)\b"
    r"|\bas it (?:were|is)\b|\bmake it (?:to|work|rain)\b|\bis it (?:true|possible|safe|legal|ok|"
    r"okay|"
    r"normal|worth|better|bad|good|allowed|necessary)\b(?= (?:\w+ing|to|that|if|when)\b)"
    r"|\bstephen king'?s it\b"
)
_THIS_TIME = (
    r"\bthis (?:week|month|year|morning|afternoon|evening|weekend|quarter|season|summer|winter|"
    r"spring|fall|autumn|time|day|century|decade|monday|tuesday|wednesday|thursday|friday|saturday|"
    r"sunday|january|february|march|april|may|june|july|august|september|october|november|december|"
    r"world|planet|country|christmas)\b|\b(?:these|those) days\b|\bthose who\b|\bthat way lies\b"
)
# "that" where it stands for something; elsewhere it joins clauses: "the card that I ordered".
_DEMONSTRATIVE = (
    r"\bthat(?:'s|s| is| was)\b(?! \w+ (?:to|that)\b.{0,20}\w)|(?:^|[,;.!?] ?|\band |\bbut )that\b"
    r"|\b(?:is|was|does|did|do|would|will|can|could|should|has|about|of|for|with|like|by|from|on|"
    r"in|"
    r"at|to|than|after|before|explain|translate|repeat|mean|why|what's|do|did|say|said|use|using|"
    r"fix|change|rewrite|summari[sz]e|simplify|shorten|expand|clarify|rephrase|all|does|try|done|"
    r"doing|make|understand|get|got|write|answer|prove|show) that\b"
    r"(?! (?:i|you|we|he|she|they|it|my|the|a|an|all|there|people|your|our|every\w*|is|are|was|"
    r"were|"
    r"has|have|can|will|would|do|does)\b(?! (?:for|mean|again|in|to)\b))"
    r"|\bthat(?: again| one| though| too)?\W*$"
)
_OPENERS = (
    r"(?:and|but|or|also|plus|then|instead|yes|yeah|yep|no|nope|sure|exactly|actually|wait|"
    r"nevermind"
    r"|alternatively|otherwise|besides|likewise|same|similarly|conversely)\b(?!-)"
    r"|(?:ok|okay|right|well|great|thanks|thank you|cool|so|sorry|hmm|perfect|good)\W*$"
    r"|(?:ok|okay|great|thanks|cool|perfect|good|nice)\b,? (?:and|but|now|then|so)\b"
    r"|(?:what|how) about\b|(?:what|how|why|and) if (?:not|so)\b|if (?:so|not)\b|what if\W*$"
    r"|now (?!playing|that)\w+|so (?:why|how|what|then|is|does|you|it|that|where|when|who)\b"
    r"|(?:which|what|who|where|how|anything|something|anyone|nothing|why) else\b"
    r"|(?:which|what) (?:one|ones|of)\b(?! the (?:following|[\w ]+ is))"
    r"|which (?:is|are|was|would be|do you|should i)\b(?!.*\b(?:or|than|between|of|in|for)\b)"
    r"|(?:more|another|one more|a few more|some more|fewer|less)\b(?! than)(?!.* (?:about|or) )"
    r"|(?:explain|elaborate|expand|clarify|continue|go on|proceed|keep going|carry on|next|again|"
    r"repeat|retry|try again|redo|undo|shorten|simplify|rephrase|summari[sz]e|translate|reword|"
    r"rewrite|paraphrase|convert|fix|correct|format|finish|sum up|start over)"
    r"(?: (?:please|again|more|further|on|a bit|it|in more detail|in detail|why|how|now))*"
    r"(?: (?:in|to|into|as|for|with|from|using) [\w ]+)?\W*$"
    r"|(?:a bit |even |much |slightly |make |be )?(?:shorter|longer|simpler|clearer|better|easier|"
    r"faster|cheaper|bigger|smaller|funnier|louder|slower|formal|earlier|later|sooner|nicer)\b"
    r"(?!.*\b(?:than|or|is|are|do|does)\b)"
    r"|(?:why|how|who|where|when|what|which|really|seriously|huh|pardon|whose|whom)(?: not| so|"
    r" exactly| though| then| come| is| else| now| again)?\W*$"
    r"|(?:the )?(?:first|second|third|fourth|last|other|latter|former|next|previous|others|rest)"
    r"(?: one| ones| option| two)?(?: please)?\W*$"
    r"|(?:in|with|without|as|for|to|from|by|at|on|about|using|of|into|only|just|not|except)\b"
    r"(?! (?:what|which|whom|whose|how)\b)(?!.*\b(?:what|how|why|who|where|when|which|is|are|do|"
    r"does|"
    r"did|can|could|should|will|would|was|were|give|write|list|explain|show|tell|find|has|have)\b)"
    r"|do (?:the same|so|it)\b|tell me more\W*$|(?:give|show|tell) me (?:more|another|one more|"
    r"some more|an example|examples|a hint|the rest|details|both|all)\b(?!.* (?:about|of|for|on|"
    r"in) )"
    r"|(?:can|could|would|will) you (?:please )?(?:elaborate|continue|expand|explain|clarify|"
    r"rephrase|repeat|simplify|summari[sz]e|go on|shorten|give (?:me )?(?:an example|examples|more|"
    r"another|some examples))(?: (?:please|again|further|more|in more detail|in detail|on|a "
    r"bit))*\W*$"
)
_REFERENCES = (
    r"\b(?:you|we|i) (?:just |already |have |had |both )?(?:said|mentioned|told|wrote|suggested|"
    r"discussed|talked|gave|listed|described|explained|recommended|proposed|meant)\b(?! (?:to me|"
    r"me) "
    r"by)|\b(?:as|from|mentioned|said|the|described|listed) (?:above|before|previously|earlier)\W*"
    r"(?:$|\b(?:example|answer|code|text|list|question|one|is|and)\b)|\bthe above\b|\babove "
    r"(?:example|code|text|answer|list|question|table|paragraph|function)\b"
    r"|\b(?:previous|last|earlier|prior|first|second) (?:answer|question|response|message|reply|"
    r"example|point|sentence|paragraph|code|step|item|option|suggestion|prompt)\b"
    r"|\byour (?:answer|response|reply|suggestion|code|example|list|explanation|solution|last)\b"
    r"|\b(?:what|when|why|how) did (?:i|you) (?:just |ever )?(?:say|ask|tell|mean|write|call)\b"
    r"|\b(?:do you (?:still )?(?:remember|know)|what(?:'s| is)) (?:my|me|our) ?(?:name|age)?\b"
    r"(?=\W*$)|\bwho am i\b|\bour (?:conversation|discussion|chat)\b"
    r"|\bthe (?:\w+ )?ones?\b(?! (?:that|who|which|with|in|for|on|of))|\bthe (?:latter|former|rest|"
    r"others|other two|other)\b(?! \w)|\b(?:both|all|each|some|one|none|most|neither|either|any) "
    r"of "
    r"(?:them|these|those)\b|\bthe same (?:thing|for|but|in|with|way|question|one)\b|\bdo(?:ing)? "
    r"(?:so|the same)\b|\banother (?:one|way|example|option|approach|try)\W*$"
    r"|\b(?:get|go|live|work|like|happen|happened|going|went|stay|travel|fly|eat|see|up|over|"
    r"from|is|"
    r"out|been|been to) there\W*$|\blike there\b|\bwhat (?:happens|happened|happen|now|do i do|"
    r"should "
    r"i do) (?:then|next|now)\W*$|\banything else\b|\binstead\W*$|\bagain\W*$"
    r"|\bothers\W*$|\b(?:the|an?|any|some) \w+ (?:of|for|to|with|about|behind|from|in|on|between) "
    r"(?:that|this|it|them|these|those)\W*$|\bmore (?:examples|details|detail|of them|like)\W*$|"
    r"\bthat much\b|\bsuch (?:a )?thing\b"
)
# What makes the text carry what it speaks of: a colon or line break with something behind it.
_CARRIES = r"[:\n]\s*\S|```|[\"“«].{2,}|`[^`]+`|https?://"

# The patterns above are tried only where one of these words stands: they are long, questions many.
_REFERRING = word_set(
    "above before previously earlier previous last prior first second answer question response "
    "reply "
    "suggestion code example list explanation solution conversation discussion chat name age am "
    "remember say ask tell mean write call one ones latter former rest others other them these "
    "those "
    "it that this same so another there then next now else instead again examples details detail "
    "like much such said mentioned told wrote suggested discussed talked gave listed described "
    "explained recommended proposed meant"
)
_POINTING = _IT | _HE_OR_SHE | _THEY | _THAT


def leans(text: str, lower: str, words: Sequence[str]) -> bool:
    """Whether a question (as written, in lower case, and as its lower-case words and signs) needs
    what was said before it.
    """
    if not words:
        return False
    return (
        _points_back(text, lower, words) or not names_its_topic(text, lower, words)
    ) and not compiled(_CARRIES).search(lower)


def _points_back(text: str, lower: str, words: Sequence[str]) -> bool:
    return bool(
        compiled(_OPENERS).match(lower)
        or (not _REFERRING.isdisjoint(words) and compiled(_REFERENCES).search(lower))
        or (not _POINTING.isdisjoint(words) and _has_loose_pronoun(text, words, lower))
    )


def _has_loose_pronoun(text: str, low: Sequence[str], lower: str) -> bool:
    words = WORD.findall(text)
    if len(words) != len(low):  # a letter whose lower case is two, such as İ
        words = list(low)
    # Each is sought once, not once for every pronoun: else a long text takes long.
    noun, person = _first_noun(words, low), _first_person(words, low)
    points = {word: _points(word, lower) for word in _IT | _THAT if word in low}
    return any(
        place <= (person if word in _HE_OR_SHE else noun) and points.get(word, True)
        for place, word in enumerate(low)
        if word in _POINTING
    )


def _points(word: str, lower: str) -> bool:
    if word in _IT:
        return not compiled(_EXPLETIVE).search(lower)
    if word in ("that", "that's"):
        return bool(compiled(_DEMONSTRATIVE).search(lower))
    return not compiled(_THIS_TIME).search(lower)


def _is_named(words: Sequence[str], low: Sequence[str], at: int) -> bool:
    """A capital that no beginning of a sentence asks for."""
    return at > 0 and words[at][0].isupper() and low[at] != "i" and not low[at].startswith("i'")


def _first_noun(words: Sequence[str], low: Sequence[str]) -> int:
    """Where something stands for the first time that a later pronoun can stand for."""
    return min(
        next(
            (
                at + 1
                for at, (one, after) in enumerate(pairwise(low))
                if one in _DETERMINERS and after not in _NO_NOUNS
            ),
            len(low),
        ),
        next(
            (
                at
                for at, word in enumerate(low)
                if word in _PEOPLE
                or (word.endswith("s") and len(word) > 3 and word not in _NOT_PLURAL)  # noqa: PLR2004
                or _is_named(words, low, at)
            ),
            len(low),
        ),
    )


def _first_person(words: Sequence[str], low: Sequence[str]) -> int:
    return next(
        (
            at
            for at, word in enumerate(low)
            if word in _PEOPLE or word.removesuffix("s") in _PEOPLE or _is_named(words, low, at)
        ),
        len(low),
    )
