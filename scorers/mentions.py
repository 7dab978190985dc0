"""Decide which of the answers that a text mentions is the one that it gives.

A text may mention several: it repeats the request ("{yes} or {no}"), considers one ("I first thought {no}"),
rejects one ("not {no}"), quotes one ("the response says {…}"), or gives one for each case ("{yes} if …,
otherwise {no}"). The rules are those of a careful reader of English. If they do not decide, there is no
answer: an answer is never guessed. Answers to questions and verdicts of judges use the same rules.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Literal, TypeVar

V = TypeVar("V", bound=Hashable)

Kind = Literal["object", "statement", "line"]
"""The form of an answer: a JSON object, a sentence that gives it ("The answer is yes."), or a separate line
or opening."""


@dataclass(frozen=True)
class Mention(Generic[V]):
    """An answer that a text mentions.

    Attributes:
        start: Index of its start in the text.
        end: Index of its end.
        value: The answer, or None if it is present but gives no valid answer.
        kind: The form of the answer.
    """

    start: int
    end: int
    value: V | None
    kind: Kind = "object"


MOST = 200
"""If a text has more mentions than this, it gives an answer only if all of them agree."""

_LONGEST_JOINT = 400
"""Maximum length of the text between two items of a list."""

_BEFORE, _AFTER = 160, 160
"""Number of characters before and after a mention that are examined."""

# marks and words that may come between the cue word and the answer; all patterns below that end in \Z are
# matched against the text before a mention
_DECORATION = r"(?:```\w*|\bjson\b|[\s\"'`“”‘’«»*_(\[<:,])*+"
_FILLERS = (
    r"(?:\s+(?:to|be|been|being|confused|mistaken|simply|just|really|only|the|this|that|an?|my|is|was|it|its"
    r"|with|as|by|of|for|in|so|and"
    r"|then|correct|right"
    r"|final|answer(?:ing|ed)?|response|reply(?:ing)?|say(?:ing)?|said|giv(?:e|ing|en)|choos(?:e|ing)"
    r"|chose(?:n)?|pick(?:ing|ed)?"
    r"|respond(?:ing|ed)?"
    r"|return(?:ing|ed)?|output(?:ting)?|conclud(?:e|ing|ed)|think|believe|mean|claim|json|object|value"
    r"|verdict|option|following|single"
    r"|one|me"
    r"|writ(?:e|ing|ten)|agree(?:ing)?|print(?:ing)?|select(?:ing)?|us(?:e|ing)|go|going|read(?:ing)?"
    r"|tak(?:e|ing|en)|treat(?:ing)?"
    r"|interpret(?:ing)?)\b)*+"
)
_NEGATED = re.compile(
    r"(?:\b(?:not|by no means|on no account|under no circumstances|never|neither|nor|cannot|rather than"
    r"|instead of|in place of"
    r"|as opposed to|opposed to|over|except|against|contrary to|unlike"
    r"|refus(?:e|ed|ing)|declin(?:e|ed|ing)|avoid(?:ed|ing|s)?|wrongly|incorrectly|reject(?:ed|s|ing)?"
    r"|rul(?:e|es|ed|ing) out"
    r"|exclud(?:e|es|ed|ing)|far from|forget|ignor(?:e|ed|ing)|disregard(?:ed|ing)?|discard(?:ed|ing)?"
    r"|versus|vs\.?|than|(?:mistake"
    r"|wrong|error|incorrect|unfair|stereotyp\w+|prejudice|false|misleading|tempting|easy|unjust"
    r"|inaccurate) to)|n['’]t)(?:, [^,.;\n\ufffc]{1,40},)?"
    + _FILLERS
    + _DECORATION.replace(":,", "")
    + r"\Z",
    re.IGNORECASE,
)
_EXAMPLE = re.compile(
    r"\b(?:such as|e\.g\.|for example|for instance|like|example|(?<!requested )(?<!required "
    r")(?<!specified )format"
    r"|form|template|schema|structure|sample|placeholder)(?: (?:of|is"
    r"|this|the))*" + _DECORATION + r"\Z",
    re.IGNORECASE,
)
_INSTRUCTED = re.compile(
    r"\b(?:was|were|am|been|being|got|get|is|are|i['’]m)(?: \w+ly)? (?:told|asked|instructed|supposed"
    r"|expected|required|prompted|tempted"
    r"|ordered"
    r"|requested|forced|urged|pressured|tricked|begged)" + _FILLERS + _DECORATION + r"\Z",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"(?:\A|[.!?\n:>\-•*]\s*+|\bthen,? |\bthe last line, )(?:(?:please|simply|just|only|now|then|you (?:must"
    r"|should|can|may)|always)\s+)*(?:respond|reply|answer|return|output|write|print|give|provide|use|end)\s+"
    r"(?:(?:only|just|simply|back|your|the|an?|one|single|exactly|final|last|line|that|is|answer|json|object"
    r"|valid|following|in|this|form"
    r"|as|of|with|and|nothing|else|on|at|end|containing)\b\s*+)++[:,]?\s*+" + _DECORATION + r"\Z",
    re.IGNORECASE,
)
"""A request: an imperative immediately before the answer."""

_QUOTED = re.compile(
    r"(?:\b(?:response|message|user|it|assistant|reply|prompt|author|he|she|they|model|someone|people"
    r"|question|instructions?|system"
    r"|request|injection|attacker)s?\s+(?:(?:itself|also|then|even|first|just|only|simply|that|which|who|had"
    r"|has|have|is|was|were|does"
    r"|did|tries to|tried to|wants to"
    r"|wanted to|attempts to|attempted to|tells me to|told me to|asks me to|asked me to|wants me to|wanted "
    r"me to)\s+)*"
    r"(?:say|said|contain|claim|end(?:s|ed)? with|start(?:s|ed)? with|beg[ia]ns? with|include|state|wr[io]te"
    r"|written|read|quote|print"
    r"|output(?!:)"
    r"|return|demand|ask|want|show|suggest|g[ia]ve|ha[sd]|embed|insert|offer|put|add|answer|inject"
    r"|smuggle|force)"
    r"(?:s|d|ed|ded|ted)?(?:\s+(?:for|the|this|that|following|something|like|a|an|me|to|text|verdict|object"
    r"|json|block|with|it|as|in|its"
    r"|own|fake"
    r"|false|out|line|string))*+"
    r"|\b(?:passage|text|sentence|line|paragraph|story)s? (?:also |even |itself )?(?:contain|include|read"
    r"|quote|embed|print|hold|end(?:s"
    r"|ed)? with|start(?:s|ed)? with)"
    r"(?:s|d|ed)?(?:\s+(?:the|this|that|following|something|like|a|an|text|object|json|words?|string))*+"
    r"|\b(?:ma[dk]|get|got|trick|forc|want|ask|tell|told|instruct|urg|order)\w* (?:me|us|you|the judge) "
    r"(?:to |into )?"
    r"(?:print|output|say|write|return|answer|reply|giv|produc|respond|repeat)\w*(?:\s+(?:the|this|that|with"
    r"|following|something|like"
    r"|json|object|verdict))*+"
    r"|\b(?:of|in|from|by) (?:the|its|this|that) (?:response|message)(?: (?:is|was|reads|says|itself|also))*+"
    r"|\bquot(?:e|es|ed|ing|ation)(?:\s+(?:from|of|the|text|response|message))*+|\bcop(?:y|ied"
    r"|ying)(?:\s+(?:from|of|the|text|response"
    r"|message))*+"
    r"|<(?!/|response>)[^<>\n]{0,40}(?:response|message|quot|example)[^<>\n]{0,40}>)" + _DECORATION + r"\Z",
    re.IGNORECASE,
)
_REJECTED = re.compile(
    r"[\s\"'`“”‘’*_)\],]*+(?:(?:would be|would have been|is|was|are|seems|looks|cannot be|can['’]?t be|does"
    r"|did)\s*+(?:clearly |simply "
    r"|plainly |therefore )?"
    r"(?:not\b|n['’]t\b|wrong\b|incorrect\b|false\b|unsupported\b|mistaken\b|inaccurate\b|unfounded\b|an? "
    r"(?:stereotype|mistake|error"
    r"|assumption)\b"
    r"|the (?:wrong|other|opposite)\b|one of\b|an example\b|the (?:format|form)\b|what (?:people|some|others"
    r"|many|stereotypes?|prejudice"
    r"|the (?:stereotype|crowd|message|response)|i was|one (?:might|may|could)))"
    r"|(?:cannot|can['’]?t) be\b|would\b(?! (?:be|have been|also) (?:right|correct|fine|also|true|equally|my"
    r"|just|acceptable)))",
    re.IGNORECASE,
)
_OPEN_ENDED = re.compile(
    r"[\s\"'`“”‘’*_)\]]*+\?|[^\S\n]*+[\"'`“”‘’*_)\],]*+[^\S\n]*+(?:if|unless|or|otherwise|assuming|provided"
    r"|in case|only if|depending"
    r"|as long as|and/or)\b"
)
_SUPPOSED = re.compile(
    r"(?:\b(?:if|whether|unless|suppose|assuming|when)(?: (?:the|my|your|an?|this|that))?|\b(?:is|was|were"
    r"|had) (?:the|my|your|this|that))(?: (?:correct|right|final|true|expected))?\s*+\Z",
    re.IGNORECASE,
)
_DOUBTED = re.compile(
    r"(?:\b(?:perhaps|maybe|possibly|doubt(?:s|ed|ful)?|den(?:y|ies|ied)|(?:(?<!\bi )would|might|may|could) "
    r"(?:say|think|argue|claim"
    r"|assume|believe|guess|be tempted)"
    r"|(?:not|n['’]t) (?:true|the case|think|believe|say|mean|agree|follow|clear|certain|sure|imply|conclude"
    r"|know)|(?:people|some|others"
    r"|many) (?:say|think|assume|believe|claim))\b"
    r"|(?:\A|[,;:]\s)\s*+(?:if|where|when|whenever|unless|in case)\b)"
    r"(?![^\ufffc]*\b(?:so|therefore|thus|hence|but|however)\b)",
    re.IGNORECASE,
)
"""Words which show that a sentence does not give the answer that it contains."""

_JOINED = re.compile(
    r"\b(?:or|either|also|both|as well|too|equally|alternatively|alternative|another|(?:one|other) hand"
    r"|option|possibility|in turn"
    r"|respectively)\b",
    re.IGNORECASE,
)
"""Words that present an answer as one of several."""

_CASE = re.compile(
    r"\b(?:if|unless|(?<!says )(?<!shows )(?<!states )(?<!suggests )otherwise(?!,? (?:so|and|but)\b)|else"
    r"|when(?:ever)?|in case|assuming"
    r"|provided|depend(?:s|ing)?|without|where|given that|(?:should|had) (?:he|she|it|they|the|this|that)"
    r"|reading|interpretation|scenario"
    r"|perspective|in (?:one|that|which|some|the (?:first|second|other)) (?:case|sense)|for (?:the "
    r")?(?:first|second|other|one|another))\b",
    re.IGNORECASE,
)
"""Words that restrict an answer to a case."""

_CONTRARY = re.compile(
    r"\b(?:would|['’]d|had been|had (?:it|he|she|they)|had not|hadn['’]t|were it|were he|were she)\b"
    r"|\b(?:could|might) have\b",
    re.IGNORECASE,
)
"""Words which show that a case is contrary to fact."""

_WEIGHED = re.compile(
    r"\b(?:opposite|other|(?<!\bi )would|would have|['’]d have|(?<!\bi )could|could have|might|may|(?<!\bi "
    r")can|perhaps|maybe"
    r"|possibl[ey]|some|someone"
    r"|somebody|others?|people|tempting|tempted|wrong|incorrect|mistaken|contrary"
    r"|first (?:thought|guess|instinct|impression|glance|draft|idea)|my first|initial(?:ly)?|at first"
    r"|earlier|previously|originally"
    r"|thought|stereotypes?"
    r"|prejudice|assum\w+|seem(?:s|ed)?|consider(?:ed|ing|s)?|weigh(?:ed|ing)?|debated|dismiss(?:ed|ing)?"
    r"|reject(?:ed|ing)?|discard(?:ed"
    r"|ing)?)\b",
    re.IGNORECASE,
)
"""Words which show that an answer is only considered, or attributed to others."""

_TAKEN_BACK = re.compile(
    r"(?:\A[\s\"'`)\]}*_]*|[.!?\n][\W_]*)(?:(?:actually|wait|on (?:second thoughts?|reflection|balance)|hmm+"
    r"|then again|no|sorry|but"
    r"|oops|still|however|having said that"
    r"|that said|come to think of it)\b[^.!?\n]{0,60}?)?"
    r"(?:\bi(?:['’]m| am) (?:not|no longer) (?:\w+ )?(?:sure|certain|confident)|\bi (?:cannot|can['’]t|can "
    r"no longer"
    r"|no longer) (?:stand by|be sure|say(?! (?:any)?(?:more|much|thing else|further))|tell|decide|defend"
    r"|confirm)"
    r"|\bi (?:take|took) (?:that|it|this) back|\bi (?:retract|withdraw|revoke|disown)|\bi do(?:n['’]t| not) "
    r"(?:know|stand by)"
    r"|\b(?:scratch|strike|ignore|disregard|forget) (?:that|this|the above|my (?:answer|verdict)|what i)"
    r"|\b(?:that|this|it)(?:['’]s| is| was)? (?:actually |probably |clearly )?(?:wrong|a mistake|incorrect"
    r"|not right|mistaken"
    r"|not correct)\b|\bi was (?:wrong|mistaken)"
    r"|\bi (?:am|['’]m) (?:wrong|mistaken)|\bmy (?:answer|verdict) (?:above |there )?(?:is|was) (?:wrong"
    r"|mistaken|incorrect|not right))",
    re.IGNORECASE,
)
"""Words that retract the answer before them."""

_CORRECTION = re.compile(
    r"\b(?:actually|wait|correction|corrected|on (?:second thoughts?|reflection|balance)|(?:after|having"
    r"|let me) re\w+|scratch that"
    r"|strike that|ignore that"
    r"|i (?:was|stand) (?:wrong|corrected|mistaken)|my mistake|that (?:was|is) (?:wrong|a mistake|not right"
    r"|incorrect)|let me (?:correct"
    r"|fix|change)"
    r"|i (?:revise|correct|change|take that back)|sorry|apologies|oops|updated|edit(?:ed)?|revised|amended"
    r"|changing my|i mean)\b|\bno[,:!]",
    re.IGNORECASE,
)
_FINAL = re.compile(
    r"\b(?:final(?:ly)?|in (?:conclusion|the end|summary|sum)|conclu(?:de|des|sion)|therefore|thus|hence"
    r"|consequently|so(?! far\b"
    r"| that\b| on\b)|overall"
    r"|my (?:own )?(?:answer|verdict|judge?ment|response|choice)|the (?:correct|right|true|real|actual) "
    r"(?:answer|verdict)"
    r"|i (?:judge|choose|answer|pick|select|settle|decide|go with|conclude)|it follows|here(?=:)|in (?:this"
    r"|our) case)\b",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"\b(?:also|both|equally|as well|too|at the same time|for (?:the )?(?:first|second|other|another))\b",
    re.IGNORECASE,
)
_AND = re.compile(
    r"[\s,;\"'`)\]]*(?:and|or|&)\b(?! (?:so|therefore|thus|hence|in conclusion|finally)\b)", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?;][\"'”’)\]*_]*(?=\s)|\n")
_BREAK = re.compile(r"\b(?:but|however|yet)\b|[;—–]", re.IGNORECASE)

_MARKS = r"[\s\"'`“”‘’«»*_()\[\]<>]"
_CHOICE = re.compile(
    rf"(?:{_MARKS}|```\w*)*+(?:,|/|\||&|\bor\b|\band\b|\bvs\.?|\bversus\b)"
    rf"(?:{_MARKS}|[,/|:]|\b(?:or|and|else|with|either|alternatively|a|an|the|return|respond|reply|output"
    r"|answer|say|just|simply|object"
    rf"|json|possibly"
    r"|maybe|perhaps|then|as|to|in|unknown)\b)*+",
    re.IGNORECASE,
)
_LABEL = (
    r"\(?\b(?:(?:option|choice|answer|case|reading|possibility|scenario|version|example|output"
    r"|response)[^\S\n]*+)?(?:\d{1,2}|[a-h])[).:\]]"
    r"|(?:(?<=\n)|(?<=[-*•] ))(?:yes|no|unknown|true|false)[^\S\n]*+[:=]"
)
_SMALL = rf"{_MARKS}|[,•·+#>-]|```\w*|\bor\b|\band\b|json\b|{_LABEL}"
_TIGHT = re.compile(
    rf"(?:{_SMALL})*+|(?:{_SMALL}|[.;])*+\n[^\S\n]*+(?:[-*•·+>]|{_LABEL})(?:{_SMALL}|[.;])*+", re.IGNORECASE
)
"""Text between the items of a list."""

_ROW = re.compile(rf"(?:{_SMALL}|[.;–—])*+", re.IGNORECASE)
"""Text between the items of a list, including sentence marks."""

_OF_OTHERS = (_NEGATED, _INSTRUCTED, _QUOTED)
_OF_NOBODY = (_EXAMPLE, _ASKED, _SUPPOSED)
"""Text before an answer which shows that it is not the text's own."""


def settle(text: str, mentions: Sequence[Mention[V]]) -> tuple[list[Mention[V]], V | None]:
    """Return the answer that a text gives, from the answers that it mentions.

    Args:
        text: The text.
        mentions: The mentioned answers, in order, without overlap.

    Returns:
        The mentions that are meant (empty if the text has not answered yet), and the answer. The answer is
        None if the meant mentions disagree and nothing shows which is final, or if the last one gives no
        valid answer.
    """
    if len({mention.value for mention in mentions}) > 1 and len(mentions) > MOST:
        return list(mentions), None
    if len(mentions) > MOST:
        return list(mentions), _final(text, mentions)
    # remove step by step what is not the text's own answer: choices, rejected answers, quotations, lists,
    # requests, doubts
    listed = _without_lists(text, mentions, _CHOICE)
    listed = _without_lists(text, [mention for mention in listed if not _is_rejected(text, mention)], _TIGHT)
    stated = _without_lists(
        text, [mention for mention in listed if not _follows(text, mention, _OF_OTHERS)], _ROW
    )
    stated = [mention for mention in _without_requests(text, stated) if not _is_doubted(text, mention)]
    open_ended = [mention for mention in stated if _is_open_ended(text, mention)]
    # all remaining mentions agree, so only conditions and retractions matter
    if len({mention.value for mention in listed}) < 2:
        meant = [mention for mention in stated if mention not in open_ended]
        return meant, None if meant and _is_taken_back(text, meant[-1]) else _final(text, meant)
    clauses = dict(zip(listed, _clauses(text, listed), strict=True))
    # separate what is given as one of several answers, and what is given for a case
    joined = [mention for mention in stated if _JOINED.search(clauses[mention])]
    cases = [mention for mention in stated if mention in open_ended or _is_case(clauses[mention])]
    meant = [
        mention
        for mention in stated
        if mention not in [*joined, *cases] and not _WEIGHED.search(clauses[mention])
    ]
    if not meant or _is_taken_back(text, meant[-1]) or not _goes_beyond(text, [*joined, *cases], meant):
        return meant, None
    return meant, _final(text, meant)


def corrects(text: str, earlier: Mention[V], later: Mention[V]) -> bool:
    """Check whether a text explicitly replaces an answer with a later one.

    Args:
        text: The text.
        earlier: The first answer.
        later: The second answer.

    Returns:
        True for "… Wait, the answer is no." and similar text.
    """
    return _CORRECTION.search(text[earlier.end : later.start][-2 * _BEFORE :]) is not None


def _is_case(clause: str) -> bool:
    """Check whether an answer is given for a possible case. A case contrary to fact does not count."""
    return bool(_CASE.search(clause)) and not _CONTRARY.search(clause)


def _goes_beyond(text: str, cases: Sequence[Mention[V]], meant: Sequence[Mention[V]]) -> bool:
    """Check whether the meant answers come after and contrast with all answers given for a case.

    Answers that are given as one of several count as such, too.
    """
    if not cases:
        return True
    last = max(cases, key=lambda mention: mention.start)
    after = [mention for mention in meant if mention.start > last.start]
    if not after:
        return False
    between = text[last.end : after[0].start]
    said = any(pattern.search(between[-2 * _BEFORE :]) for pattern in (_CORRECTION, _FINAL, _BREAK))
    return said or _stands_last(text, last, after[0], between)


def _is_taken_back(text: str, last: Mention[V]) -> bool:
    return _TAKEN_BACK.search(text[last.end : last.end + 2 * _AFTER]) is not None


def _without_lists(text: str, mentions: Sequence[Mention[V]], joint: re.Pattern[str]) -> list[Mention[V]]:
    """Remove lists of choices.

    These are neighboring mentions of one kind with different values and only a joint between them.
    """
    groups: list[list[Mention[V]]] = []
    for mention in mentions:
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and last.kind == mention.kind
            and joint.fullmatch(text[last.end : mention.start][: _LONGEST_JOINT + 1])
        ):
            groups[-1].append(mention)
        else:
            groups.append([mention])
    return [mention for group in groups if len({one.value for one in group}) == 1 for mention in group]


def _without_requests(text: str, mentions: Sequence[Mention[V]]) -> list[Mention[V]]:
    """Remove mentions in a request, an example or a supposition, and all later ones in the same sentence."""
    left: list[Mention[V]] = []
    asked: Mention[V] | None = None
    for mention in mentions:
        if _follows(text, mention, _OF_NOBODY) or (
            asked and not _SENTENCE_END.search(text[asked.end : mention.start])
        ):
            asked = mention
        else:
            left.append(mention)
    return left


def _is_rejected(text: str, mention: Mention[V]) -> bool:
    return _REJECTED.match(text, mention.end, mention.end + _AFTER) is not None


def _follows(text: str, mention: Mention[V], patterns: Sequence[re.Pattern[str]]) -> bool:
    """Check whether the text immediately before a mention matches one of some patterns."""
    before = text[max(0, mention.start - _BEFORE) : mention.start]
    return any(pattern.search(before) for pattern in patterns)


def _is_doubted(text: str, mention: Mention[V]) -> bool:
    """Check whether the sentence of an answer says that it may not be the answer."""
    if mention.kind != "statement":
        return False
    before = text[max(0, mention.start - _BEFORE) : mention.start]
    ends = [end.end() for end in _SENTENCE_END.finditer(before)]
    return _DOUBTED.search(before[ends[-1] if ends else 0 :]) is not None


def _is_open_ended(text: str, mention: Mention[V]) -> bool:
    return _OPEN_ENDED.match(text, mention.end, mention.end + _AFTER) is not None


def _clauses(text: str, mentions: Sequence[Mention[V]]) -> list[str]:
    """Return what is said about each mention within its own sentence.

    Between two mentions in one sentence, the first comma, "but" or similar word separates what is said about
    each.
    """
    bounds = [0, *(mention.end for mention in mentions)]
    starts = [*(mention.start for mention in mentions[1:]), len(text)]
    clauses: list[str] = []
    for mention, earliest, latest in zip(mentions, bounds, starts, strict=False):
        before = text[max(earliest, mention.start - 2 * _BEFORE) : mention.start]
        ends = [end.end() for end in _SENTENCE_END.finditer(before)]
        # the same sentence contains an earlier mention, so start after the word or mark that separates the
        # two
        if not ends and earliest and (clause_end := _CLAUSE_END.search(before)):
            ends = [clause_end.end()]
        after = text[mention.end : min(latest, mention.end + _AFTER)]
        stops = [
            stop.start()
            for stop in (_SENTENCE_END.search(after), _PART_END.search(after) if latest < len(text) else None)
            if stop
        ]
        after = after[: min(stops)] if stops else "" if latest < len(text) and not ends else after
        turn = _BREAK.search(after)
        clauses.append(f"{before[ends[-1] if ends else 0 :]} \n {after[: turn.start()] if turn else after}")
    return clauses


_PART = (
    r"[.!?;][\"'”’)\]*_]*(?=\s)|\n|\(|\b(?:but|however|because|since|while|whereas|although|though)\b"
    r"|[,:—–](?=\s)"
)
_PART_END = re.compile(_PART, re.IGNORECASE)
_CLAUSE_END = re.compile(_PART + r"(?!\s*(?:which|who|as)\b)", re.IGNORECASE)


def _final(text: str, meant: Sequence[Mention[V]]) -> V | None:
    if not meant:
        return None
    last = meant[-1]
    others = [mention for mention in meant if mention.value != last.value]
    if not others or last.value is None:
        return last.value
    earlier = others[-1]
    first_of_last = next(mention for mention in meant if mention.start > earlier.start)
    between = text[earlier.end : first_of_last.start]
    # for a sentence, the words of the mention itself may contain the correction
    between_them = text[
        earlier.end : first_of_last.start if first_of_last.kind == "object" else first_of_last.end
    ][-2 * _BEFORE :]
    if _BOTH.search(between_them) or _AND.match(between_them):
        return None
    said = _CORRECTION.search(between_them) or (
        first_of_last.kind != "line" and _FINAL.search(between_them) and not _is_called_final(text, earlier)
    )
    return last.value if said or _stands_last(text, earlier, first_of_last, between) else None


def _is_called_final(text: str, mention: Mention[V]) -> bool:
    """Check whether a text calls an answer final in its own sentence.

    A later answer that is also called final does not replace it.
    """
    before = text[max(0, mention.start - _BEFORE) : mention.start]
    ends = [end.end() for end in _SENTENCE_END.finditer(before)]
    sentence = before[ends[-1] if ends else 0 :]
    return any(
        not sentence[: found.start()].casefold().endswith("not ") for found in _FINAL.finditer(sentence)
    )


_ALONE_BEFORE = re.compile(r"(?:\A|\n)[^\S\n]*+(?:[>*_\"'`]*+)\Z")
_ALONE_AFTER = re.compile(r"[*_\"'`.]*+[^\S\n]*+(?:\n|\Z)")
_NOTHING_MORE = re.compile(r"[\s`*_.\"']*+\Z")
_PARAGRAPH = re.compile(r"[.!?:][\"'”’`)\]*_]*\s*\n|\n\s*\n")


def _stands_last(text: str, earlier: Mention[V], last: Mention[V], between: str) -> bool:
    """Check whether an answer is alone on the last line or in the last code block.

    The other answer must be in prose before it.
    """
    return bool(
        last.kind == earlier.kind == "object"
        and _NOTHING_MORE.match(text, last.end)
        and _is_alone(text, last)
        and not _is_alone(text, earlier)
        and _PARAGRAPH.search(between)
    )


def _is_alone(text: str, mention: Mention[V]) -> bool:
    before, after = text[max(0, mention.start - 40) : mention.start], text[mention.end : mention.end + 40]
    return bool(_ALONE_BEFORE.search(before) and _ALONE_AFTER.match(after))


def gaps(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return the text with some spans blanked out and all other characters at the same index.

    Args:
        text: The text.
        spans: Start and end of each span, in order, without overlap.
    """
    # the places bound alternating pieces; those with an odd index are the spans
    places = [0, *(place for span in spans for place in span), len(text)]
    return "".join(
        "\ufffc" * (end - start) if index % 2 else text[start:end]
        for index, (start, end) in enumerate(pairwise(places))
    )
