"""Whether a text gives an answer where it mentions one: as its own, and about the case.

Both rules are closed: they name what may stand around an answer, and everything else leaves it unread. An answer that is missed is counted
as unparsable, in plain sight; one that was never given would be counted as the model's.
"""

import re

_REACH = 300
"""How many characters around an answer are looked at."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]*_]*(?=\s)|[\n\ufffc]")
_DRESS = "\u200b\ufeff \t\r\"'`“”‘’«»*_()[]{}<>#•·+-–—>=:→,;.!~$\\|"

_CLAUSE = re.compile(
    r"(?:[,;—–](?=\s)|:(?=\s*\S)|\b(?:so|but|therefore|thus|hence|consequently|and|because|since|means|meaning|yet|that)\b)", re.IGNORECASE
)
"""Where the clause that introduces an answer begins."""

_FOREIGN = re.compile(
    r"\b(?:not|never|no|nor|neither|cannot|without|hardly|n['’]t|examples?|samples?|formats?|templates?|schemas?|e\.g|such as|like|other"
    r"|another|alternative|opposite|previous(?:ly)?|earlier|before|first|initial(?:ly)?|your|(?<!give )(?<!tell )you(?! (?:asked for|requested|wanted|need|go|are)\b)|his|her|their|someone|somebody|anyone"
    r"|anybody|one|some|many|people|others|any|each|every|possible|allowed|valid|acceptable|permitted|model|models|model['’]s|system"
    r"|prompt|user|wrong|incorrect|false|biased|stereotypical|expected|tempting|naive|if|when|whenever|unless|whether|where|were|was"
    r"|had|might|may|could|either|both|option|would have|suppose|imagine|assuming)\b|n['’]t\b|\?",
    re.IGNORECASE,
)
"""What makes an introduction one of an example, of another speaker, of a case, or of no answer."""

_NOUN = r"(?:answers?|response|reply|output|result|conclusion|json|object|solution|verdict|decision|choice|judge?ment)"
_INTRODUCES = re.compile(
    r"(?:"
    rf".*?\b{_NOUN}\b.*"
    r"|(?:.*\b)?here(?:['’]s| is| it is| you go| you are|)\b.*"
    r"|(?:.*\b)?(?:i|we)(?:['’]d|['’]ll|['’]m| am| would| will| must| have to| can| should| do){0,2}(?: \w+ly)?"
    r" (?:answer|say|respond|reply|choose|conclude|go|going|pick|select|return|output|give|think|believe|decide|submit|answering"
    r"|choosing|confident|sure|settle|stand|stay|vote|mean|meant)\b.*"
    r"|(?:the|this) (?:passage|text|evidence|context|story)(?: \w+ly| itself)? (?:is (?:clear|explicit|plain)|leads? (?:me |us )?to|says|shows|supports"
    r"|points to|states|means|suggests|implies|indicates|gives)\b.{0,20}"
    r"|(?:based on|according to|given|from|with|per|as|in|going by|judging by|after|by|to|for) .*"
    r"|(?:(?:so|therefore|thus|hence|sure|okay|ok|well|yes|no|certainly|absolutely|right|indeed|finally|overall|then|now|final|actually"
    r"|rather|instead|correction|corrected|wait|hmm|explanation|reasoning|reason|rationale|step|summary|short|thanks|great|done"
    r"|it(?:['’]s| is| must be| has to be| should be)?|this is|that is|is|in short|clearly|simply|probably|definitely|a|the|my|of"
    r"|course|it follows|print|python|array|\\?(?:boxed|fbox|text)|unused\d{1,3}|\d{1,2})\W*)*"
    r")",
    re.IGNORECASE | re.DOTALL,
)
"""What may introduce an answer: a name for it, the speaker's own choice in the present, its ground, or a word of discourse."""

_SUBJECT = re.compile(
    r"[\s\"'`“”‘’*_)\],]*+(?:is|are|was|were|isn['’]t|would|could|may|might|must|should|will|can|cannot|can['’]t|seems?|looks?|sounds?|has"
    r"|have|had|does|did|fits?|applies|holds|means|works?|comes?|makes|remains|appears)\b",
    re.IGNORECASE,
)
"""What follows an answer that a sentence is about."""

_AFFIRMED = re.compile(
    r"[\s\"'`“”‘’*_)\],]*+(?:is|would be|must be|should be|has to be|will be)(?: \w+ly)?(?: therefore| thus)? (?:the |my |our )?(?:only |final )?"
    r"(?:correct|right|true|answer|response|appropriate|accurate|supported|what the (?:passage|text)|what i)\b(?! (?:only )?(?:if|when|unless))",
    re.IGNORECASE,
)

_QUESTION = re.compile(r"[^.!?\n\ufffc]{0,200}\?")


def gives(words: str, start: int, end: int) -> bool:
    """Whether an answer object stands in a text as its answer.

    Args:
        words: The text; objects are blanked out.
        start: Where the object starts.
        end: Where it ends.

    Returns:
        True if nothing introduces it, or an introduction of one's own answer does, and its sentence neither asks nor talks about it.
    """
    before = words[max(0, start - _REACH) : start]
    ends = [found.end() for found in _SENTENCE_END.finditer(before)]
    sentence = before[ends[-1] if ends else 0 :].strip(_DRESS)
    starts = [found.end() for found in _CLAUSE.finditer(sentence)]
    clause = sentence[starts[-1] if starts else 0 :].strip(_DRESS)
    if _FOREIGN.search(clause) or _INTRODUCES.fullmatch(clause) is None:
        return False
    if starts and clause and _HEARSAY.search(sentence):
        return False
    after = words[end : end + _REACH]
    if _SUBJECT.match(after) and not _AFFIRMED.match(after):
        return False
    return _QUESTION.match(after) is None


_HEARSAY = re.compile(
    r"\b(?:not (?:true|the case|right|correct)|not (?:think|believe|say|mean)|n['’]t (?:true|the case|think|believe|say|mean)|false|doubt"
    r"|den(?:y|ies|ied)|(?:some|someone|people|others|anyone|one|he|she|they|man|woman|model)(?: \w+)? (?:says?|said|thinks?|claims?"
    r"|claimed|argues?|argued|believes?|answers?|answered))\b",
    re.IGNORECASE,
)
"""What takes a whole sentence out of the speaker's mouth."""

_OPENING_DRESS = r"[\s\"'`“”‘’«»*_(){}\[\]#.,;:!…–—\\$>-]*+"

_HEDGE = re.compile(
    r"(?:(?:i|we) (?:do |would |can |am |['’]m )?(?:\w+ly )?(?:think|believe|say|conclude|agree|infer|assume|guess|suppose|find|judge|sure"
    r"|certain|confident|see|don['’]t (?:think|believe)|do not (?:think|believe))(?: that| so)?|i['’](?:d|m) (?:say|sure|certain|confident)"
    r"(?: that)?|in my (?:opinion|view|reading)|as (?:i|you) (?:can )?(?:see|read|said)|as we (?:can )?see|we (?:can|could) (?:see|say"
    r"|conclude|infer|tell)(?: that)?|we (?:are told|know|read|learn|see)(?: that)?|my (?:answer|reasoning|conclusion)"
    r"|(?:it is|it['’]s) (?:clear|true|correct|right|safe to say)(?: that)?|that['’]s (?:right|correct|true)|that is (?:right|correct|true)"
    r"|indeed|definitely|clearly|absolutely|certainly|exactly|correct|right|true|of course not|not at all|not really|actually)\b"
    r"[\s,:;.–—-]*+",
    re.IGNORECASE,
)
"""What may stand before the statement about the case."""

_TALK = r"(?:i|me|my|mine|we|us|our|you|your|yours|let['’]s|please|thanks|thank)"
_CONVERSATION = re.compile(rf"\b{_TALK}(?:['’](?:m|d|ll|ve|re))?\b", re.IGNORECASE)

_DOCUMENT = (
    r"(?:passages?|texts?|stor(?:y|ies)|context|excerpt|paragraph|article|narrative|information|details?|sentences?|evidence|description)"
)
_MATTER = (
    r"(?:questions?|requests?|prompts?|formats?|json|conversation|tasks?|instructions?|messages?|topics?|quer(?:y|ies)|riddles?|puzzles?"
    r"|scenarios?|keys?|replies|reply|words?|exercise|example)"
)
_TELLS = (
    r"(?:about (?:the )?\w+\s+)?(?:is (?:very |quite |\w+ly )?(?:explicit|clear|plain)\b|leaves no\b|(?:(?:also|clearly|explicitly|directly|only|strongly|specifically|itself|above|given|provided|here)\s+)*(?:say|said|state|mention"
    r"|describe|show|impl(?:y|ie)|tell|told|indicate|name|make|suggest|read|support|confirm|note|explain|attribute|identif(?:y|ie)|reveal"
    r"|specif(?:y|ie)|report|portray|point|refer|establish|claim|prove|present|give|provide|contradict|depict|list|make|demonstrate|den(?:y|ie))"
    r"(?:e?s|e?d)?\b)"
)
_ABOUT_THE_PASSAGE = re.compile(
    rf"(?:the|this|that|these|an?|it['’]s an?|it is an?)?\s*(?:(?!(?:in|from|by|on|per|to|at|as|based|according|given) )[\w-]+ ){{0,2}}?(?:{_DOCUMENT}\b(?!\s+{_TELLS})(?!['’]s)(?!\s*[,.]|\s*\Z)|{_MATTER}\b)",
    re.IGNORECASE,
)
"""A subject that is the passage, the question or the format, and does not tell about the case."""

_PREDICATE = re.compile(
    rf"\b(?:is|was|are|were|seems?|looks?|sounds?|it['’]s|that['’]s)(?: like)? (?:such |quite |really )?(?:an?|the|one|some)\s+(?:[\w-]+ ){{0,3}}?"
    rf"(?:{_DOCUMENT}|{_MATTER})\b",
    re.IGNORECASE,
)
_SILENT = re.compile(
    rf"{_DOCUMENT}\b(?:\s+\w+)?(?:\s+(?:does|do|did)(?: not|n['’]t)) (?:\w+ly )?(?:say|state|mention|tell|specify|indicate|reveal|make"
    r"|provide|give)\b(?:\s+(?:so|who|which|what|whether|it|this|anything|enough|either))?\W*\Z",
    re.IGNORECASE,
)
_STARTS = re.compile(
    r"(?:the|an?|this|that|these|those|his|her|their|its|he|she|they|it|there|both|all|neither|none|nobody|only|just|one|everyone|someone"
    r"|because|since|as|based|according|given|in|from|although|though|but|and|for|due|per|at|on|by|so|when|while|if|after|about|with|even"
    r"|not|never|who|which|what|most|each|either|another|other|older|younger|old|young|mr|mrs|ms|dr"
    r"|[a-z]+ (?:was|is|did|does|were|are|has|had|man|woman|person))\b|\d",
    re.IGNORECASE,
)
"""How a statement about the case may begin, in small letters."""

_SPOKEN = re.compile(
    r"[\"”’']\W{0,3}(?:\w+\s+){0,3}?(?:said|says|replied|replies|answered|answers|shouted|asked|cried|whispered|told|responded)\b",
    re.IGNORECASE,
)

_REST = re.compile(r"[^.!?\n\ufffc]*+(?:\.(?=\w)[^.!?\n\ufffc]*+)*+\??")


def is_about_the_case(words: str, place: int) -> bool:
    """Whether what follows a bare "Yes" or "No" reads as a statement about the case, or nothing follows.

    A statement about the speaker, the conversation, the request or the passage itself makes an acknowledgment of the word.

    Args:
        words: The text.
        place: Where the bare answer ends.

    Returns:
        True if the answer may count.
    """
    after = words[place : place + 2 * _REACH]
    if _SPOKEN.match(after):
        return False
    dress = re.match(_OPENING_DRESS, after)
    at = dress.end() if dress else 0
    after_comma = "," in after[:at] and "\n" not in after[:at]
    while hedge := _HEDGE.match(after, at):
        at = hedge.end()
    found = _REST.match(after, at)
    rest = found[0].strip() if found else ""
    if not rest:
        return True
    if (
        rest.endswith("?")
        or _CONVERSATION.search(rest)
        or _ABOUT_THE_PASSAGE.match(rest)
        or _PREDICATE.search(rest)
        or _SILENT.search(rest)
    ):
        return False
    return not (after_comma and rest[:1].islower()) or _STARTS.match(rest) is not None
