"""XMP beside a picture is read as the picture's own metadata, and says where it stands."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Records = Callable[..., list[dict[str, Any]]]
CLEAN = Path(__file__).parents[2] / "fixtures" / "signed" / "resaved.jpg"
DST = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def packet(extension: str = "") -> bytes:
    """Return a sidecar that declares AI; Adobe's programs write which ending it belongs to."""
    of = f' photoshop:SidecarForExtension="{extension}"' if extension else ""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta '
        'xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
        f'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" e:DigitalSourceType="{DST}"{of}/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def said(records: Records, folder: Path, *names: str) -> list[dict[str, Any]]:
    (record,) = records("check", *names, "--only", "metadata", cwd=folder)
    signals: list[dict[str, Any]] = record["signals"]
    return signals


@pytest.mark.parametrize("name", ["a.xmp", "a.XMP", "a.jpg.xmp"])
def test_a_declaration_beside_a_picture_counts(records: Records, tmp_path: Path, name: str) -> None:
    shutil.copy(CLEAN, tmp_path / "a.jpg")
    (tmp_path / name).write_bytes(packet())
    (signal,) = said(records, tmp_path, "a.jpg")
    assert (signal["claim"], signal["source"]) == ("ai_generated", "metadata:sidecar")
    assert (signal["facts"]["sidecar"], signal["facts"]["shared"]) == (name, False)
    assert signal["reason"]["args"]["field"].endswith(f" in {name}")


def test_of_several_files_the_packet_may_name_its_own(records: Records, tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png"):
        shutil.copy(CLEAN, tmp_path / name)
    (tmp_path / "a.xmp").write_bytes(packet("PNG"))
    (other,) = said(records, tmp_path, "a.jpg")
    assert (other["outcome"], other["facts"]["sidecars_of_others"]) == ("clear", ["a.xmp"])
    (own,) = said(records, tmp_path, "a.png")
    assert own["claim"] == "ai_generated"
    (tmp_path / "a.xmp").write_bytes(packet())
    (both,) = said(records, tmp_path, "a.jpg")
    assert (both["claim"], both["facts"]["shared"]) == ("ai_generated", True)


def test_a_sidecar_that_cannot_be_read_is_a_fault(records: Records, tmp_path: Path) -> None:
    shutil.copy(CLEAN, tmp_path / "a.jpg")
    os.mkfifo(tmp_path / "a.xmp")
    clear, fault = said(records, tmp_path, "a.jpg")
    assert clear["outcome"] == "clear"
    assert (fault["outcome"], fault["reason"]["code"]) == ("failed", "item.special")


def test_a_broken_sidecar_is_read_as_far_as_it_goes(records: Records, tmp_path: Path) -> None:
    shutil.copy(CLEAN, tmp_path / "a.jpg")
    (tmp_path / "a.xmp").write_bytes(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF")
    (signal,) = said(records, tmp_path, "a.jpg")
    assert signal["reason"]["code"] == "metadata.clear_in_part"
    assert signal["facts"]["sidecars"] == ["a.xmp"]


def test_a_sidecar_has_no_record_of_its_own_unless_it_is_alone(
    records: Records, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(CLEAN, folder / "a.jpg")
    for name in ("a.xmp", "b.xmp"):
        (folder / name).write_bytes(packet())
    found = {Path(r["item"]["uri"]).name: r for r in records("scan", folder, "--only", "metadata")}
    assert found.keys() == {"a.jpg", "b.xmp"}
    (orphan,) = found["b.xmp"]["signals"]
    assert (orphan["outcome"], orphan["reason"]["code"]) == ("not_assessed", "item.sidecar")
