"""An exposition of a real table."""

from __future__ import annotations

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ipvsfast import Destination, Ipvs, Service
from ipvsfast.exporter.exposition import ExportOptions, Exposition


def text_of(exposition: Exposition, openmetrics: bool = False) -> str:
    return b"".join(map(bytes, exposition.scrape().blocks(openmetrics))).decode()


def test_first() -> None:
    """Both forms parse."""
    with Ipvs() as ipvs:
        web = Service.tcp("10.0.0.1", 80, "rr")
        ipvs.add_service(web)
        ipvs.add_destination(web, Destination("10.1.0.1", 80, weight=3))
        exposition = Exposition(ipvs, ExportOptions())
        assert list(parse_openmetrics(text_of(exposition, True)))
        assert list(parse_text(text_of(exposition)))
