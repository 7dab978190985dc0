"""Bytes made worse: by chance, and by what files are known to suffer."""

import random

TOKENS = (
    *(
        b'"',
        b"'",
        b"\\",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
    ),
    *(
        b"null",
        b"true",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5000,
        b"[" * 2000,
        b'{"a":' * 500,
        b"\\ud800",
        b"\\u0000",
        b"A" * 70_000,
    ),
    *(
        b"\x1b]0;x\x07",
        b"=cmd|' /C calc'!A0",
        b"@SUM(1)",
        b"<script>",
        b"../../etc/passwd",
        b'"id": "../x"',
        b"\xe2\x80\xae",
        b"\xe2\x80\xa8",
    ),
    *(b'"answer"', b"answer", b"yes", b"{sentence}", b"{0}", b"{a.b}", b"{!r:>9999999999}", b"PAR1"),
)


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content after one to six small harms.

    Args:
        content: What to start from.
        rng: Draws the harms.

    Returns:
        Other bytes, most often.
    """
    for _ in range(rng.randint(1, 6)):
        start, end = sorted((rng.randint(0, len(content)), rng.randint(0, len(content))))
        match rng.randrange(8):
            case 0:
                content = content[:start]
            case 1:
                content = content[:start] + content[end:]
            case 2:
                content = content[:start] + content[start:end][:2000] * rng.randint(2, 4) + content[end:]
            case 3 | 4 | 5:
                content = content[:start] + rng.choice(TOKENS) + content[start:]
            case 6:
                content = (
                    content[:start] + rng.randbytes(rng.randint(1, 8)) + content[start + rng.randint(0, 8) :]
                )
            case _:
                swapped = bytearray(content)
                if swapped:
                    swapped[start % len(swapped)] ^= 1 << rng.randrange(8)
                content = bytes(swapped)
    return content[:200_000]
