from xml.etree import ElementTree

from benchmarks.serving.plot import Panel, draw

SVG = "{http://www.w3.org/2000/svg}"


def test_each_point_of_each_line_is_drawn_where_its_factors_of_ten_say() -> None:
    lines = {"all": [(1, 10.0), (10, 100.0), (100, 1_000.0)], "part": [(1, 10.0), (100, 10.0)]}
    root = ElementTree.fromstring(draw([Panel("by users & items", "users", lines)], "us"))
    paths = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert [len(path) for path in paths] == [3, 2]
    (x1, y1), (x2, y2), (x3, y3) = [tuple(map(float, one.split(","))) for one in paths[0]]
    assert abs((x3 - x2) - (x2 - x1)) < 0.2
    assert abs((y3 - y2) - (y2 - y1)) < 0.2
    assert x1 < x2 < x3
    assert y1 > y2 > y3, "what costs more stands higher"
    texts = {text.text for text in root.iter(f"{SVG}text")}
    assert {"by users & items", "users", "us", "all", "part", "100"} <= texts
