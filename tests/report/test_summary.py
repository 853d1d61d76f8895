"""Charts of accuracy against cost: every marker is seen, as near to its place as can be."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from recircle.report.charts import WIDTH, horizontal
from recircle.report.summary import side_by_side

X = horizontal("GMACs of a clip", [0.0, 1.0])
places = st.tuples(st.floats(X.start, X.end), st.floats(10, 190))


@given(st.lists(places, max_size=8))
def test_no_marker_hides_another(points: list[tuple[float, float]]) -> None:
    found = side_by_side(points, X)
    shown = [(across, up) for across, (_, up) in zip(found, points)]
    # a circle of 9 pixels has room beside another
    assert all((a - c) ** 2 + (b - d) ** 2 >= 18**2 for (a, b), (c, d) in combinations(shown, 2))
    assert all(X.start <= across <= X.end for across in found)
    assert all(across == own for across, (own, _) in zip(found[:1], points))


def test_markers_that_have_room_stay_and_others_stand_beside_them() -> None:
    apart = [(100.0, 50.0), (100.0, 90.0), (160.0, 50.0)]
    assert side_by_side(apart, X) == [100, 100, 160]
    equal = side_by_side([(100.0, 50.0)] * 3, X)
    assert equal[0] == 100
    assert {round(place) for place in equal} == {81, 100, 119}
    assert max(side_by_side([(X.end, 50.0)] * 2, X)) <= X.end < WIDTH
