import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.text_model.normalise import LONGEST, normalise, words


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("He said \u201cyes\u201d \u2014 it\u2019s fine\u2026", 'He said "yes" - it\'s fine...'),
        ("one--two\u2013three", "one - two - three"),
        (
            "# Title line\n\n- **bold** point\n2) `code`\n> quoted",
            "Title line bold point code quoted",
        ),
        ("See [the page](https://a.example/x) or www.b.example now", "See the page or now"),
        ("Thanks @some_body!", "Thanks @user!"),
        ("Fish &amp; chips <br/>and <b>peas</b>", "Fish & chips and peas"),
        ("zero\u200bwidth\ufeff and no\u00a0break", "zerowidth and no break"),
        ("Title: A day at sea", "A day at sea"),
        ("Sure! Here is a short story about rain: It rained.", "It rained."),
        ("\u201cAll of it is quoted.\u201d", "All of it is quoted."),
        ('"One" and "two"', '"One" and "two"'),
        ("I do n't ( really ) know .", "I don't (really) know."),
        ("a\r\n\r\n  b\tc", "a b c"),
        ("e\u0301tude", "\u00e9tude"),
        ("", ""),
    ],
)
def test_layout_goes_and_wording_stays(raw: str, plain: str) -> None:
    assert normalise(raw) == plain
    assert normalise(plain) == plain


@given(st.text())
def test_anything_becomes_one_line(text: str) -> None:
    plain = normalise(text)
    assert plain == " ".join(plain.split())
    assert words(plain) <= LONGEST


def test_words_are_counted_and_cut_by_the_script() -> None:
    assert words("one two three") == 3
    assert words("\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002") == 3
    assert words(normalise("word " * 900)) == LONGEST
    assert len(normalise("\u5929\u6c14\u5f88\u597d" * 900)) == 2 * LONGEST


@pytest.mark.parametrize("piece", [" ", "\n", "<a ", "[", "![x](", "*", "- ", "title:", "'", "--"])
def test_time_is_linear_whatever_repeats(piece: str) -> None:
    assert words(normalise(piece * (1_000_000 // len(piece)))) <= LONGEST
