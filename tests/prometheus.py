"""What Prometheus reads from a page of metrics."""

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families


def values(text: str) -> Mapping[str, float]:
    """The values by name, with those of the labels in braces."""
    return {
        sample.name + (f"{{{','.join(sample.labels.values())}}}" if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
