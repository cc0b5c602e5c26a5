"""Real TCP traffic beside applies; tests/campaigns/traffic_beside_applies.py does more of them, and ipvsadm beside it."""

from campaigns.traffic_beside_applies import apply, beside


def test_no_connection_is_lost() -> None:
    """Neither to a service that stays nor to one that gets other destinations, which is never without one."""
    told = beside(apply, 4)
    assert told.lost == []
    assert told.connections >= 12
    assert told.samples > 0
    assert told.fewest >= 2
