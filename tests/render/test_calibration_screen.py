"""The report of a calibration fits its columns and obeys no name."""

import io
import json

from detectors.models.report import AssessedItem, Limit, PathReport, Report, report
from provenance.render import RenderOptions
from provenance.render.calibration import write, write_json

HOSTILE = "[bold]a\x1b[31m\u202e"


def made(rows: list[AssessedItem], limits: tuple[Limit, ...], ways: int = 1) -> Report:
    measured = [
        PathReport(path=path, limits=limits, rows=tuple(rows)) for path in ("full", "fast")[:ways]
    ]
    return report(measured, detector="d", model="m", data=HOSTILE, prevalences=(0.05,))


def rows(n: int, source: str, *, ratio: float | None = 0.5) -> list[AssessedItem]:
    return [
        AssessedItem(
            ai=bool(at % 2), assessed=ratio is not None, log10_lr=ratio, source=source, scene="s"
        )
        for at in range(n)
    ]


def limit(**changes: object) -> Limit:
    usual = {"of": "en", "negatives": 300, "positives": 300, "largest_lr": 100, "reached_lr": 50}
    return Limit(**{**usual, "left_out": "source", **changes})  # type: ignore[arg-type]  # as named


def screen(shown: Report, **look: object) -> str:
    out = io.StringIO()
    write(shown, out, RenderOptions(**look))  # type: ignore[arg-type]  # as named
    return out.getvalue()


def test_large_counts_and_long_hostile_names_fit_into_80_columns() -> None:
    sources = [HOSTILE, "a-source-of-a-very-long-name-without-spaces", "c"]
    page = screen(made([row for name in sources for row in rows(12_000, name)], (limit(),)))
    assert max(map(len, page.splitlines())) <= 80
    assert not {"\x1b", "\u202e", "\u2026"} & set(page)
    assert "of 18,000" in page
    assert page.splitlines() == [line.rstrip() for line in page.splitlines()]


def test_colour_is_asked_for_and_ascii_too() -> None:
    shown = made(rows(20, "\u00e9"), (limit(),))
    assert "\x1b[" in screen(shown, colour=True)
    assert screen(made([*rows(20, "\u00e9"), *rows(20, "b")], (limit(),)), unicode=False).isascii()


def test_what_is_never_flagged_is_said_with_its_reason() -> None:
    shown = made(rows(20, "a"), (limit(reached_lr=9.0), limit(of="ru", largest_lr=4, reached_lr=4)))
    page = screen(shown)
    assert "en: the model's scores allow no flags from LR 10 on." in page
    assert "ru: the sample allows no flags from LR 10 on." in page


def test_small_groups_are_counted_and_kinds_of_one_group_are_left_out() -> None:
    page = screen(made([*rows(20, "large"), *rows(9, "small")], (limit(),)))
    assert "large" in page
    assert "small" not in page
    assert "1 group of fewer than 10 items: --format json shows it." in page
    assert "by source" not in screen(made(rows(20, "large"), (limit(),)))


def test_each_path_has_its_page_and_nothing_judged_is_said() -> None:
    page = screen(made(rows(20, "a", ratio=None), (), ways=2))
    assert page.index("FULL PATH") < page.index("FAST PATH")
    assert page.count("Nothing is judged") == 2
    assert "Flags that are right" not in page


def test_json_holds_every_figure_and_no_control_character() -> None:
    out = io.StringIO()
    shown = made([*rows(20, HOSTILE), *rows(3, "b")], (limit(),))
    write_json(shown, out, RenderOptions())
    assert not {"\x1b", "\u202e"} & set(out.getvalue())
    said = json.loads(out.getvalue())
    assert said["schema"] == "provenance.calibration/1"
    assert said["data"] == HOSTILE
    groups = said["ways"][0]["groups"]
    assert [group["name"] for group in groups] == ["all", HOSTILE, "b"]
    assert groups[0]["flagged"][1]["false_positives"] == {
        "k": 0, "n": 12, "share": 0.0, "low": 0.0, "high": 0.2425,
    }  # fmt: skip
