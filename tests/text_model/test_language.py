# ruff: noqa: RUF001 - letters of other scripts are what this is about
import pytest

from detectors.text_model.language import language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The committee has been asked to look at this, and it will say what it found.", "en"),
        ("Die Sitzung war nicht lang, und es wird sich zeigen, was daraus wird.", "de"),
        ("El problema es que no se sabe cuándo ha de llegar el tren a la ciudad.", "es"),
        ("O problema é que não se sabe quando o comboio vai chegar à cidade.", "pt"),
        ("Le problème est que les trains ne sont pas à l'heure dans cette ville.", "fr"),
        ("Он сказал, что это не так и что они были там до вечера.", "ru"),
        ("Той каза, че това не е така и че са били там до вечерта.", "bg"),
        ("今天天气很好，我们去公园散步吧。", "zh"),
        ("今日は天気がいいので公園を散歩しましょう。", "ja"),
        ("یہ کتاب میز پر ہے اور وہ اسے پڑھ رہا ہے۔", "ur"),
        ("این کتاب را که گفتم چاپ کرد.", "fa"),
        ("ذهب الولد إلى المدرسة في الصباح.", "ar"),
        ("오늘은 날씨가 좋아서 공원을 산책합니다.", "ko"),
        ("zxq wvut brkl", None),
        ("12345 --- !!!", None),
        ("", None),
        ("half the letters половина других букв слова", None),
    ],
)
def test_a_language_is_told_or_left_open(text: str, code: str | None) -> None:
    assert language(text) == code
