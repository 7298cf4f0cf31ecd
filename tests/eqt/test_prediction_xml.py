"""Picks as QuakeML and SeisComP's XML: valid by their schemas, equal when ObsPy reads them."""

import io
import warnings
import weakref
from pathlib import Path

import obspy.io.quakeml
import pytest
from lxml import etree
from obspy import UTCDateTime, read_events
from obspy.io.seiscomp.core import validate as is_valid_scml
from prediction_units import MIDNIGHT, earthquake, make_unit

from eqt.picking.picks import Thresholds
from eqt.prediction.picks_xml import write_quakeml, write_scml
from eqt.prediction.tables import TableContext
from eqt.prediction.units import DAY_NS
from steadkit.records.picks import read_picks

AT = MIDNIGHT + 19_471_234_567_890
DIGEST = "0123456789abcdef" * 4
CONTEXT = TableContext(DIGEST, thresholds=Thresholds(0.3, 0.1, 0.1), amplitude_unit="m/s")
BED = "{http://quakeml.org/xmlns/bed/1.2}"


def quake_unit(at=AT, station="ABC", further=(), **codes):
    picks, detection = earthquake(at, station)
    return make_unit(station, [*picks, *further], [detection], **codes)


UNITS = [
    quake_unit(further=[{"time": AT + 60 * 10**9}, {"time": AT + 1, "is_pick": False}]),
    quake_unit(AT + DAY_NS, location="10"),
    quake_unit(station="ABD"),
    make_unit("EMPTY"),
]


def write(path, units=UNITS, context=CONTEXT):
    write_quakeml(iter(units), path, context)
    return path


def validate(path):
    """Validate against both forms of the schema that ObsPy has."""
    folder = Path(obspy.io.quakeml.__file__).parent / "data"
    document = etree.parse(str(path))
    for schema in (
        etree.XMLSchema(etree.parse(str(folder / "QuakeML-1.2.xsd"))),
        etree.RelaxNG(etree.parse(str(folder / "QuakeML-1.2.rng"))),
    ):
        assert schema.validate(document), schema.error_log
    return document


def test_quakeml_is_valid_and_read_by_obspy_with_equal_picks(tmp_path):
    path = write(tmp_path / "picks.xml")
    validate(path)
    catalogue = read_events(str(path), format="QUAKEML")
    assert [len(event.picks) for event in catalogue] == [2, 1, 2, 2]
    p, s = catalogue[0].picks
    assert p.time == UTCDateTime("2024-02-03T05:24:31.234568Z")
    assert p.waveform_id.get_seed_string() == "XX.ABC..HHZ"
    assert s.waveform_id.get_seed_string() == "XX.ABC..HHN"
    assert (p.phase_hint, s.phase_hint, p.evaluation_mode) == ("P", "S", "automatic")
    assert (p.time_errors.uncertainty, s.time_errors.uncertainty) == (0.03, 0.11)
    assert str(p.method_id) == f"smi:local/eqt/{DIGEST}"
    assert dict(item.split("=") for item in s.comments[0].text.split()) == {
        "probability": "0.65432",
        "uncertainty": "0.012346",
        "snr_db": "9.0",
        "amplitude": "1e-07",
        "amplitude_unit": "m/s",
        "detection_id": f"XX.ABC..HH.{AT}",
    }
    assert "start=2024-02-03T05:24:31.134568Z" in catalogue[0].comments[0].text
    assert catalogue[2].picks[0].waveform_id.location_code == "10"
    assert "detection 0.3, p 0.1, s 0.1" in catalogue.description


def test_our_own_reader_reads_it(tmp_path):
    table = read_picks(write(tmp_path / "picks.xml"))
    assert len(table) == 7
    assert set(table["status"]) == {"automatic"}


def test_identifiers_are_unique_equal_in_a_rerun_and_bound_to_the_weights(tmp_path):
    path = write(tmp_path / "picks.xml")
    ids = [
        element.get("publicID")
        for element in etree.parse(str(path)).iter(BED + "pick", BED + "event")
    ]
    assert len(ids) == len(set(ids)) == 11
    assert f"smi:local/eqt/{DIGEST[:16]}/pick/XX.ABC..HHZ/P/20240203T052431234568" in ids
    # In another order, with more units: each pick has the same identifier.
    more = write(tmp_path / "more.xml", [make_unit("AAA", [{"time": AT}]), *UNITS[2:], *UNITS[:2]])
    more_ids = {
        element.get("publicID")
        for element in etree.parse(str(more)).iter(BED + "pick", BED + "event")
    }
    assert set(ids) < more_ids
    other = write(tmp_path / "other.xml", context=TableContext("f" * 64))
    other_ids = {element.get("publicID") for element in etree.parse(str(other)).iter(BED + "pick")}
    assert not other_ids & set(ids)
    assert write(tmp_path / "again.xml").read_bytes() == path.read_bytes()


def test_two_picks_on_one_onset_have_two_identifiers(tmp_path):
    unit = make_unit(picks=[{"time": AT}, {"time": AT}])
    document = validate(write(tmp_path / "picks.xml", [unit]))
    ids = {element.get("publicID").rpartition("HHZ/")[2] for element in document.iter(BED + "pick")}
    assert ids == {"P/20240203T052431234568", "P/20240203T052431234568/2"}


def test_picks_on_both_sides_of_midnight_are_in_one_event(tmp_path):
    (p, s), detection = earthquake(MIDNIGHT + DAY_NS - 10**9)
    days = [
        make_unit(picks=[p], detections=[detection]),
        make_unit(picks=[s, {"time": MIDNIGHT + DAY_NS + 60 * 10**9}]),
    ]
    catalogue = read_events(str(write(tmp_path / "picks.xml", days)))
    assert [[pick.phase_hint for pick in event.picks] for event in catalogue] == [["P", "S"], ["P"]]
    # Without the day in which the detection starts, the pick still is there.
    catalogue = read_events(str(write(tmp_path / "last.xml", days[1:])))
    assert [[pick.phase_hint for pick in event.picks] for event in catalogue] == [["S"], ["P"]]


@pytest.mark.parametrize("units", [[], [make_unit()]])
def test_no_pick_gives_valid_files(tmp_path, units):
    path = write(tmp_path / "picks.xml", units)
    validate(path)
    assert len(read_events(str(path), format="QUAKEML")) == 0
    write_scml(units, tmp_path / "picks.scml", CONTEXT)
    assert is_valid_scml(str(tmp_path / "picks.scml"))


def test_codes_of_any_characters_are_escaped(tmp_path):
    unit = quake_unit(station='<"&\x1b>', network="Ä&")
    document = validate(write(tmp_path / "picks.xml", [unit]))
    waveform = next(document.iter(BED + "waveformID"))
    assert waveform.get("networkCode") == "Ä&"
    assert waveform.get("stationCode") == '<"&\\x1b>'
    write_scml([unit], tmp_path / "picks.scml", CONTEXT)
    assert is_valid_scml(str(tmp_path / "picks.scml"))


def canonical(element):
    parser = etree.XMLParser(remove_blank_text=True)
    return etree.tostring(etree.fromstring(etree.tostring(element), parser), method="c14n")


def test_scml_is_what_obspy_writes_of_the_same_picks(tmp_path):
    path = tmp_path / "picks.scml"
    write_scml(iter(UNITS), path, CONTEXT)
    assert is_valid_scml(str(path), verbose=True)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The name before ObsPy 1.5, which it still has.
        warnings.simplefilter("ignore")
        catalogue = read_events(str(write(tmp_path / "picks.xml")))
        catalogue.write(buffer, format="SC3ML", event_removal=True)
        # Its reader takes only picks that an origin refers to.
        assert len(read_events(str(path), format="SC3ML")) == 0
    expected = etree.fromstring(buffer.getvalue())
    root = etree.parse(str(path)).getroot()
    assert (root.tag, dict(root.attrib)) == (expected.tag, dict(expected.attrib))
    picks = {pick.get("publicID"): canonical(pick) for pick in root[0]}
    assert picks == {pick.get("publicID"): canonical(pick) for pick in expected[0]}
    assert len(picks) == 7


def test_no_more_than_four_units_are_in_memory(tmp_path):
    alive: set[int] = set()
    most = []

    def units():
        for day in range(20):
            unit = quake_unit(AT + day * DAY_NS)
            alive.add(day)
            weakref.finalize(unit.arrivals, alive.discard, day)
            most.append(len(alive))
            yield unit

    write_quakeml(units(), tmp_path / "picks.xml", CONTEXT)
    assert max(most) <= 4
