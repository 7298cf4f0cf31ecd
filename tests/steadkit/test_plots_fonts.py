"""Names in other scripts: a font that has them, or one quiet line."""

import warnings

import pytest
from conftest import names_of
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from steadkit.catalog import read_table, write_csv
from steadkit.plots import save, style
from steadkit.plots.style import drawable

JAPANESE, GREEK = "筑波山", "Ωmega"
RARE = "\N{CUNEIFORM SIGN AN}"


def write_font(path, family, characters):
    """Write a font whose every character is a wide bar, and add it to Matplotlib's."""
    pen = TTGlyphPen(None)
    for step in ((0, 400), (0, 500), (900, 500), (900, 400)):
        (pen.moveTo if step == (0, 400) else pen.lineTo)(step)
    pen.closePath()
    bar = pen.glyph()
    names = {ord(character): f"uni{ord(character):04X}" for character in characters}
    glyphs = [".notdef", *names.values()]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap(names)
    builder.setupGlyf(dict.fromkeys(glyphs, bar))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    builder.save(path)
    fontManager.addfont(path)


@pytest.fixture(autouse=True)
def own_fonts(monkeypatch):
    """Leave Matplotlib's list of fonts as it was; nothing but DejaVu is installed."""
    bundled = [entry for entry in fontManager.ttflist if entry.name.startswith(("DejaVu", "Last"))]
    monkeypatch.setattr(fontManager, "ttflist", bundled)
    monkeypatch.setattr(style, "findSystemFonts", lambda: [])
    style._fallback.cache_clear()
    yield
    style._fallback.cache_clear()


def figure_of(*texts):
    figure = Figure()
    for number, text in enumerate(texts):
        figure.text(0.1, 0.1 * number, text)
    return figure


@pytest.mark.parametrize("file_format", ["png", "pdf", "svg"])
def test_a_font_that_has_a_name_is_used_beside_the_default(tmp_path, capsys, file_format):
    write_font(tmp_path / "a.ttf", "Half Japanese", JAPANESE[:2])
    write_font(tmp_path / "b.ttf", "Whole Japanese", JAPANESE)
    figure = figure_of(f"TSK {JAPANESE}", GREEK, "plain")
    save([figure], tmp_path / f"a.{file_format}")
    families = [text.get_fontfamily() for text in figure.texts]
    assert families == [["sans-serif", "Whole Japanese"], ["sans-serif"], ["sans-serif"]]
    assert capsys.readouterr().err == ""


def test_a_name_in_two_scripts_takes_two_fonts(tmp_path, capsys):
    write_font(tmp_path / "a.ttf", "Cuneiform", RARE)
    write_font(tmp_path / "b.ttf", "Noto Sans Japanese", JAPANESE)
    figure = figure_of(JAPANESE + RARE)
    save([figure], tmp_path / "a.png")
    assert figure.texts[0].get_fontfamily()[1:] == ["Noto Sans Japanese", "Cuneiform"]
    assert capsys.readouterr().err == ""


def test_what_no_font_has_is_one_quiet_line(tmp_path, capsys):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        save([figure_of(f"TSK {JAPANESE}", JAPANESE)], tmp_path / "a.png")
    assert caught == []
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"no installed font has {' '.join(sorted(JAPANESE))}: drawn as boxes; install one that "
        "has them, of the Noto fonts for example"
    ]
    with drawable(figure_of("".join(map(chr, range(0x4E00, 0x4E10))))):
        assert "and 11 more" in capsys.readouterr().err


def test_a_font_installed_since_matplotlib_looked_is_found(tmp_path, monkeypatch):
    write_font(tmp_path / "new.ttf", "New", JAPANESE)
    fontManager.ttflist.pop()
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    listed = [str(tmp_path / name) for name in ("broken.ttf", "new.ttf")]
    monkeypatch.setattr(style, "findSystemFonts", lambda: listed)
    figure = figure_of(JAPANESE)
    with drawable(figure):
        assert figure.texts[0].get_fontfamily()[1:] == ["New"]


@pytest.mark.parametrize("script", [JAPANESE, "अनिल", "Обнинск", "طهران", "תל"])
def test_commands_that_draw_say_it_once_whatever_the_script(run, stead, script):
    names = [script + name for name in names_of(8, 4)]
    source = stead("data.hdf5", names)
    table = read_table(source.csv).assign(receiver_latitude="36.1", receiver_longitude="140.1")
    table["source_origin_time"] = table["trace_start_time"]
    write_csv(source.csv, list(table.columns), [table])
    arguments = {"map": (), "trace": names[:2], "section": (), "distributions": ()}
    for command, chosen in arguments.items():
        result = run("steadkit", "plot", command, source.hdf5, *chosen, "-o", f"{command}.pdf")
        assert result.exit_code == 0, result.output
        lines = result.stderr.splitlines()
        assert len(lines) <= 1 and all(line.startswith("no installed font") for line in lines)
