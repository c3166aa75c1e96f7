"""Inputs made from good ones: bytes changed, taken out, put in twice, and numbers at their ends."""

from hypothesis import strategies as st

NASTY = (
    b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"[" * 500, b"{" * 500,
    b"(" * 500, b"<a>" * 200, b"\r\n" * 100, b"9" * 5_000, b"\xe2\x80\xae", b"\xed\xa0\x80", b"=",
    b";", b'"', b"&#x0;", b"e400",
)  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn, corpus: list[bytes]) -> bytes:
    """Return one of a corpus, changed in up to six places; sometimes bytes of no corpus."""
    data = bytearray(draw(st.sampled_from([*corpus, b""])))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from((0, 1, 2, 4, 8, 60, 1_000))))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            data[start:end] = draw(st.binary(max_size=8))
        elif kind == 1:
            data[start:end] = draw(st.sampled_from(NASTY))
        elif kind == 2:
            data[end:end] = data[start:end] * draw(st.sampled_from((1, 3, 50)))
        elif kind == 3:
            del data[start:end]
        else:
            del data[end:]
    return bytes(data)
