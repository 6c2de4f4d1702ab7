"""No two routes or purposes have the same header."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.sealing.route import Route

RUN, OTHER_RUN = bytes(range(32)), bytes(32)
ROUTES = st.builds(
    Route,
    st.sampled_from([RUN, OTHER_RUN]),
    st.sampled_from(["a", "b", "ab", "client-0"]),
    st.sampled_from(["a", "b", "bc", "aggregator-1"]),
)


@given(ROUTES, ROUTES, st.sampled_from([b"open", b"request"]), st.sampled_from([b"open", b"request"]))
def test_no_two_routes_or_purposes_have_the_same_header(one, other, for_one, for_other):
    assert (one.header(for_one) == other.header(for_other)) == ((one, for_one) == (other, for_other))
