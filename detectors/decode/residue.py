"""What a copy carries along besides the words: tokens of chat windows, characters without a shape.

For classifiers, which have to assess the words alone. What such a token is evidence of stands in
the table of `text_marks`: its patterns ask for more, some for two tokens with prose between them,
and so cannot say what to take out. A test holds that none of its tokens is left here.
"""

import re

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
"""Characters without a shape (Default_Ignorable_Code_Point of Unicode), and private use."""
SPACES = "\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
RESIDUE = re.compile(
    r"""
      \ue200[^\ue200\ue201]{0,2000}\ue201             # ChatGPT, as it lies in the page
    | \bimage_group\{"[^{}\n]{0,500}\} | \bentity\["[a-z_]{3,30}",\s?"[^"\n]{1,100}"[^\]\n]{0,300}\]
    | (?:\ue202|\\ue20[0-4])turn\d{1,7}[a-z]{3,12}\d{1,4}
    | (?:(?:file)?cite|navlist|video)?(?:turn\d{1,7}[a-z]{3,12}\d{1,4}(?:L\d{1,6}(?:-L?\d{1,6})?)?)+
    | :?contentReference\[oaicite:\d{1,5}\](?:\{index=\d{1,5}\})?
    | \[oai_citation:[^\[\]]{0,200}\](?:\([^()\s]{0,500}\))?
    | \[cite_start\] | \[cite:[0-9a-f,\s-]{1,80}\]     # Gemini, Cherry Studio
    | \[span_\d{1,4}\]\((?:start|end)_span\)
    | \u3010(?:\d{1,4}[\u2020:]|F:|turn\d)[^\u3010\u3011]{0,300}\u3011  # DeepSeek, Codex, GLM
    | \u3010oaicite:\d{1,5}\u3011
    | </?(?:antml:)?cite(?:\ index="[\d:,-]{1,80}")?>                   # Claude
    | <grok-card[^<>]{0,300}>(?:</grok-card>)? | \{render_inline_citation\s[^{}\n]{0,200}\}
    | <grok:render\s[^<>]{0,500}>(?:\s{0,8}<argument[^<>]{0,80}>[^<>]{0,80}</argument>){0,8}\s{0,8}
      (?:</grok:render>)?
    | \(?\{"attribution":\{"attributableIndex":"[\d-]{1,20}"[^{}\n]{0,80}\}\}\)?
    | <div\ align="center">\u2042</div>                                  # Perplexity
    | \[(?:attached_file|web|citation):\d{1,4}\] | \[\^\d{1,3}_\d{1,3}\]  # Perplexity, DeepSeek
    """,
    re.VERBOSE,
)
"""Tokens that chat windows leave. Every repetition is bounded: one pass is linear."""
_HIDDEN = re.compile(f"[{INVISIBLE}\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")
_SPACES = re.compile(f"[{SPACES}]")


def plain(text: str) -> str:
    """Return a text without assistant residue, hidden characters and unusual spaces.

    For classifiers, which have to assess the words and not what a copy carried along.
    """
    return _SPACES.sub(" ", _HIDDEN.sub("", RESIDUE.sub("", text)))
