"""Check whether a text gives an answer object that it mentions as its own answer.

The rule is closed: it lists what may surround an answer, and in any other context the answer is not counted.
A missed answer is visibly counted as unparsable, while an answer that was never given would be attributed to
the model. ``about`` does the same for a bare yes or no.
"""

import re

_REACH = 300
"""Number of characters around an answer that are examined."""

_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]*_]*(?=\s|\Z)|[\n\ufffc]")
_MARKUP = "\u200b\ufeff \t\r\"'`“”‘’«»*_()[]{}<>#•·+-–—>=:→,;.!~$\\|"

_CLAUSE = re.compile(
    r"(?:[,;—–](?=\s)|:(?=\s*\S)|\b(?:so|(?<!anything )but|therefore|thus|hence|consequently|and|because"
    r"|since|means|meaning|yet|that)\b)",
    re.IGNORECASE,
)
"""The beginning of the clause that introduces an answer."""

_FOREIGN = re.compile(
    r"\b(?:not|never|no|nor|neither|cannot|without|hardly|n['’]t|examples?|samples?|(?<!requested "
    r")(?<!required )(?<!specified )formats?"
    r"|templates?|schemas?|e\.g|such as|like|other"
    r"|another|alternative|opposite|previous(?:ly)?|earlier|before|first|initial(?:ly)?|your|(?<!give "
    r")(?<!tell )you(?! (?:asked for"
    r"|requested|wanted|need|go|are)\b)|his|her|their|someone|somebody|anyone"
    r"|anybody|one|some|many|people|others|any|each|every|possible|allowed|valid|acceptable|permitted|model"
    r"|models|model['’]s|system"
    r"|prompt|user|wrong|incorrect|false|biased|stereotypical|expected|tempting|naive|if|when|whenever"
    r"|unless|whether|where|were|was"
    r"|had|might|may|could|either|both|option|would have|suppose|imagine|assuming)\b|n['’]t\b|\?",
    re.IGNORECASE,
)
"""Words which show that an introduction concerns an example, another speaker, a hypothetical case, or no
answer at all."""

_NOUN = (
    r"(?:answers?|response|reply|output|result|conclusion|json|object|solution|verdict|decision|choice"
    r"|judge?ment)"
)
_OWN = (
    r"(?:the|my|our|this|that|a|an|is|revised|corrected|chosen|new|final|correct|right|best|short|overall"
    r"|direct|requested|required"
    r"|proper|appropriate|single|it|so)"
)
_WORDS = (
    rf"(?:\b(?:{_OWN}|{_NOUN}|with|you|to|in|as|follows|following|below|by|for|would be|should be|must be"
    r"|will be|has to be|must|be|asked"
    r"|requested|wanted|need|needed|therefore|thus|clearly|simply|then|probably|likely|definitely|question"
    r"|case|above|passage|text|of"
    r"|on|format)\b\W*+)*+"
)
_GROUND = (
    r"(?:passage|text|evidence|context|information|details|story|it|this|that|question|statement"
    r"|instance|above)"
)
_INTRODUCES = re.compile(
    r"(?:"
    rf"(?:(?:{_OWN}|\\boxed) )*+{_NOUN}(?: {_NOUN}| \d{{1,2}})?(?: (?:to|for(?! an?\b| every\b| each\b)|in"
    rf"|from) [^.\n]{{0,100}}?)?"
    r"(?:\W+(?:is|would be|should be|must be|will be|has to be|therefore|thus|clearly|simply|then|probably"
    r"|likely|definitely|you asked for"
    r"|you requested|you need|as requested|as follows|follows|below))*"
    rf"|(?:here(?:['’]s| is| it is| you go| you are|))\W*{_WORDS}"
    r"|(?:[\w ]{0,40}\b)?(?:i|we)(?:['’]d|['’]ll|['’]m| am| would| will| must| have to| can| should| "
    r"do){0,2}(?: \w+ly)?"
    r" (?:agree|answer|say|respond|reply|choose|conclude|go|going|pick|select|return|output|give|think"
    r"|believe|decide|submit|answering"
    rf"|choosing|confident|sure|settle|stand|stay|vote|mean|meant)\b\W*{_WORDS}"
    r"|(?:and )?reply with"
    r"|(?:voici|aquí (?:está|tienes)|aqui está|hier ist|hier das|ecco)\b.{0,40}"
    r"|(?:here,? )?(?:the|this) (?:passage|text|evidence|context|story)(?: \w+ly| itself)? (?:is (?:clear"
    r"|explicit|plain)"
    rf"|leads? (?:me |us )?to|says"
    r"|shows|supports|points to|states|means|suggests|implies|indicates|gives)"
    rf"|(?:based on|according to|given|from|with|per|as|in|going by|judging by|after|by|to"
    rf"|for)(?: [\w-]+){{0,4}}? {_GROUND}(?: [\w-]+){{0,3}}"
    r"|(?:(?:so|therefore|thus|hence|sure|makes|okay|ok|well|yes|no|certainly|absolutely|right|indeed"
    r"|finally|overall|then|now|final|actually"
    r"|rather|instead|correction|corrected|wait|hmm|explanation|reasoning|reason|rationale|step|summary"
    r"|short|thanks|great|done"
    r"|it(?:['’]s| is| must be| has to be| should be)?|this is|that is|is|in short|clearly|simply|probably"
    r"|definitely|a|the|my|of"
    r"|course|it follows|in conclusion|to conclude|in sum(?:mary)?|to sum up|print|python|array|\\?(?:boxed"
    r"|fbox|text)|unused\d{1,3}"
    r"|\d{1,2})\b\W*)*+)",
    re.IGNORECASE,
)
"""Phrases that may introduce an answer: a name for it, the speaker's own choice, its basis, or a discourse
marker."""

_FOR_A_CASE = re.compile(
    r"(?:for (?:an?|every|each|all|any)|if|when|whenever|unless|in case|in (?:his|her|their)|to (?:give"
    r"|write|say|output|get|express"
    r"|show|mark)"
    r"|should|suppose)\b",
    re.IGNORECASE,
)
"""The beginning of a sentence about what an answer would look like, or the case in which it holds."""

_SUBJECT = re.compile(
    r"[\s\"'`“”‘’*_)\]]*+(?<!\n)(?!(?:because|since|as|based|given|according|and|but|not|rather|instead|over"
    r"|or|if|unless|so|due|for|in"
    r"|from|with|which|while|whereas|then|though|although|otherwise|json|per|to|here|it is|would be|is"
    r"|should be|must be|has to be"
    r"|will be)\b)[a-z]"
    r"|[\s\"'`“”‘’*_)\]]*+(?:is|would be|should be|must be|has to be|will be)\b"
)
"""What follows an answer that is part of a longer sentence, in lower case."""

_AFFIRMED = re.compile(
    r"[\s\"'`“”‘’*_)\],]*+(?:is|would be|must be|should be|has to be|will be)(?: \w+ly)?(?: therefore| "
    r"thus)? (?:the |my "
    r"|our )?(?:only |final )?"
    r"(?:correct|right|true|answer|response|appropriate|accurate|supported|what the (?:passage|text)|what "
    r"i)\b(?! (?:only )?(?:if|when"
    r"|unless))",
    re.IGNORECASE,
)

_QUESTION = re.compile(r"[^.!?\n\ufffc]{0,200}\?")


_LEFT_OPEN = re.compile(
    r"(?:neither|none|nobody|no one|nothing|it|(?:the|this) (?:passage|text|context|story"
    r"|evidence))\b[^.!?\n]{0,120}",
    re.IGNORECASE,
)
"""Phrases that introduce the answer that the passage leaves the question open."""


def gives(words: str, start: int, end: int, *, unknown: bool = False) -> bool:
    """Check whether a text gives an answer object as its answer.

    Args:
        words: The text, with objects blanked out.
        start: Index of the start of the object.
        end: Index of its end.
        unknown: Whether its answer is "unknown", which may be introduced by a statement that the passage
            leaves the question open.

    Returns:
        True if nothing introduces the object or the text introduces it as its own answer, and its sentence
        neither asks about it nor discusses it.
    """
    before = words[max(0, start - _REACH) : start]
    ends = [found.end() for found in _SENTENCE_END.finditer(before)]
    if (line := _LINE_BEFORE.search(before)) and _OF_ANOTHER.search(line["line"]):
        return False
    # the sentence before the object, and then its last clause
    sentence = before[ends[-1] if ends else 0 :].strip(_MARKUP)
    starts = [found.end() for found in _CLAUSE.finditer(sentence)]
    clause = sentence[starts[-1] if starts else 0 :].strip(_MARKUP)
    if not (unknown and _LEFT_OPEN.fullmatch(clause)) and (
        _FOREIGN.search(clause) or _INTRODUCES.fullmatch(clause) is None
    ):
        return False
    if starts and clause and (_HEARSAY.search(sentence) or _FOR_A_CASE.match(sentence)):
        return False
    # the sentence must not continue with a predicate about the object, unless it affirms the answer
    after = words[end : end + _REACH]
    if _SUBJECT.match(after.partition("\n")[0]) and not _AFFIRMED.match(after):
        return False
    return _QUESTION.match(after) is None


_LINE_BEFORE = re.compile(r"(?P<line>[^.!?…:\n\ufffc]++):[*_]*+[^\S\n]*+\n\s*+(?:`{3,}\w*+\s*+)?\Z")
"""A line that ends in a colon, which introduces an object on the next lines."""

_POSSESSOR = (
    r"\b(?:(?!(?:question|passage|text|task|problem|case|assistant|today|it|let|that|here|what|there)['’])"
    r"\w+['’]s?|his|her|their)(?:\s+\w+)?\s+"
)
"""A word that names whose answer follows: not the text's own, as in "The clerk's answer"."""

_OF_ANOTHER = re.compile(
    r"\b(?:wrong|incorrect|bad|biased|stereotypical|naive|tempting|invalid|opposite|examples?"
    rf"|for instance|not (?:the|an|my))\b|{_POSSESSOR}(?:{_NOUN}|ans)\b",
    re.IGNORECASE,
)
"""Words which show that a line introduces an example, a wrong answer, or the answer of another speaker."""

_ENDS_IN_POSSESSOR = re.compile(rf"{_POSSESSOR}(?:(?:{_NOUN}|ans)\b[^.!?,;\n]*)?\Z", re.IGNORECASE)


def belongs_to_another(words: str, place: int) -> bool:
    """Check whether an answer in words is that of somebody else, as in "The clerk's answer is no.".

    Args:
        words: The text.
        place: Index of the word "answer" or its like, or of what it says.
    """
    return _ENDS_IN_POSSESSOR.search(words[max(0, place - _NEAR) : place]) is not None


_NEAR = 60
"""Number of characters before an answer in words in which its owner is looked for."""

_HEARSAY = re.compile(
    r"\b(?:not (?:true|the case|right|correct)|not (?:think|believe|say|mean)|n['’]t (?:true|the case|think"
    r"|believe|say|mean)|false|doubt"
    r"|den(?:y|ies|ied)|(?:some|someone|people|others|anyone|one|he|she|they|man|woman|model)(?: \w+)? "
    r"(?:says?|said|thinks?|claims?"
    r"|claimed|argues?|argued|believes?|answers?|answered))\b",
    re.IGNORECASE,
)
"""Words which show that a sentence reports or denies a statement of others."""
