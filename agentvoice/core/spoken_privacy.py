"""Whether the caller said that the call is not to be published, in any of many words. English only.

What was published cannot be taken back, so the rule is wide: misheard and half-said forms count, and
a doubtful sentence counts. What is quoted, consent ("I don't mind if you publish this") and reports
of other matters do not.
"""

from __future__ import annotations

import re

from agentvoice.core.spoken_names import plain_words

_NO = (
    r"(?:don't|dont|do not|don not|never|must not|mustn't|should not|shouldn't|can't|cannot|can not|won't|will not"
    r"|not|nobody|no one|nothing|none|without|stop|cancel|refuse|doesn't|does not|isn't|is not|aren't|forbid|avoid|against"
    r"|skip|wouldn't|would not|object to|opt out of|opposed to|disagree|under no circumstances)"
)
_OUR_TALK = (
    r"(?:this|that|it|these|any|anything|anywhere|everything|all|me|what (?:i|we)|a word|one word|online|publicly"
    r"|(?:to|on) (?:the (?:internet|web|net)|nostr|noster)|(?:my|our|the) (?:call|conversation|chat|talk|words|voice|transcript|name))"
)
_PUBLISH = (
    r"(?:publi[sc]h(?:es|ed|ing)?\b|publis\b|pub lish|publication\b"
    rf"|(?:post|share|upload|release|broadcast|record|posting|sharing|uploading|releasing|recording) (?:\w+ )?{_OUR_TALK}\b"
    r"|(?:be|being|get|gets|getting|this|it|that|call|conversation) (?:\w+ )?(?:posted|shared|uploaded|released|broadcast|recorded)\b"
    r"|(?:make|made|making|go|goes|going|be|become|being|is|get) (?:\w+ ){0,3}public\b|public(?:ly)? (?:this|it)\b"
    r"|(?:put|putting|appear|end up|go|goes|going) (?:\w+ ){0,3}(?:online|nostr|noster|the (?:net|internet|web)))"
)
_MISHEARD = r"(?:punish|polish|pubblish|bublish|pubic) (?:this|it|that|the call|the conversation|our)"
_PRIVATE = r"(?:private|secret|confidential)"

_REFUSALS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b{_NO}\b(?: [\w']+){{0,6}}? {_PUBLISH}",
        rf"\b{_NO}\b(?: [\w']+){{0,3}}? {_MISHEARD}",
        r"\bno (?:publish|publishing|publication|posting|sharing|recording)\b",
        r"\b(?:off the record|not for (?:the )?(?:public|publication)|unpublish\w*|un-publish\w*)\b",
        r"\b(?:just|only|strictly|stays?|remains?|(?:keep|leave) (?:this|it|that|everything)|(?:this|it|that) is|that's|it's)"
        r" (?:\w+ )?between (?:you and me|us|ourselves|the two of us)\b",
        r"\b(?:keep|make|leave|hold|mark|have|treat) (?:this|it|that|these|the|our|my|what|everything|all)\b(?: [\w']+){0,4}?"
        rf" (?:(?:as )?{_PRIVATE}|unpublished|off (?:of )?(?:nostr|noster|the (?:internet|web|net))|to yourself|to ourselves"
        r"|offline|out of (?:the )?public)\b",
        rf"\b(?:stays?|staying|remains?|kept|(?:this|that|it|call|conversation|chat|everything|all)(?:'s| is| was| should be"
        rf"| must be| needs to be| has to be| will be)) (?:\w+ )?{_PRIVATE}\b",
        r"\b(?:delete|erase|forget|discard|wipe) (?:this|the|our) (?:whole )?(?:call|conversation|recording|transcript)\b",
        r"\b(?:nobody|no one|not anyone|not anybody)(?: else)? (?:should|may|must|can|is to|is allowed to|needs to)"
        r" (?:ever )?(?:hear|read|see|know about|find) (?:about )?(?:this|it|that|our|what)\b",
    )
)
_NOT_THAT = re.compile(
    r"\b(?:why (?:don't|do not) (?:you|we)|why not|(?:don't|do not|never) (?:forget|hesitate|worry)|never mind|not only|not just"
    r"|(?:don't|do not|wouldn't|would not) (?:mind|care|object)|not (?:mind|object)|(?:don't|do not) know (?:how|when|where|who"
    r"|what|why|if|whether)|(?:not|n't) stop you"
    r"|(?:don't|do not) (?:have|need) to (?:keep|make|stay|leave)|no need to (?:keep|make|stay|leave)|no reason not to"
    rf"|(?:don't|do not) (?:keep|make|leave|hold|mark) (?:\w+ ){{0,3}}?{_PRIVATE}"
    rf"|not (?:\w+ )?{_PRIVATE}|didn't|did not|haven't|hasn't|hadn't|have not|has not"
    r"|(?:don't|do not) understand|not sure (?:how|when|where|what))\b"
)
_WISHED_OTHERWISE = re.compile(
    r"\b(?:rather|prefer(?: it)? if|wish|better if|prefer) (?:you|we|this|it|they) (?:didn't|did not|wouldn't|don't)\b"
)
_ASKS_WHETHER = re.compile(
    rf"^(?:is|are|was|will|does|do (?:you|we)\b(?! not)|can (?:you|anybody|anyone) (?:see|tell))\b.*\b{_PRIVATE}\b"
)
_SENTENCE_END = re.compile(r"[.!?;…]+|\bbut\b")
_NOT_SPOKEN = re.compile(r"[^\w' ]")


def asks_not_to_publish(text: str) -> bool:
    """Return whether the caller wants the call kept off Nostr."""
    plain = _WISHED_OTHERWISE.sub("do not", plain_words(text))
    for sentence in _SENTENCE_END.split(plain):
        words = " ".join(_NOT_THAT.sub(" ", " ".join(_NOT_SPOKEN.sub(" ", sentence).split())).split())
        if _ASKS_WHETHER.search(words):
            continue
        if any(refusal.search(words) for refusal in _REFUSALS):
            return True
    return False
