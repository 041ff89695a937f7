"""Pages of metrics as Prometheus' own parser reads them."""

from prometheus_client.parser import text_string_to_metric_families


class Metrics:
    """A page. Of a sample's name and labels there is one value, or the page is wrong; every family says what it is."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for family in text_string_to_metric_families(text):
            assert family.documentation and family.type in ("counter", "gauge", "histogram"), family.name
            for sample in family.samples:
                series = self._samples.setdefault(sample.name, {})
                labels = frozenset(sample.labels.items())
                assert labels not in series, f"{sample.name} has {dict(labels)} twice"
                series[labels] = sample.value

    def __getitem__(self, name: str) -> float:
        """The value of a metric that has one series."""
        (value,) = self._samples[name].values()
        return value

    def of(self, name: str, **labels: str) -> float:
        """The sum of its series that have these labels; 0 if there are none."""
        wanted = labels.items()
        return sum(value for found, value in self._samples.get(name, {}).items() if wanted <= found)

    def by(self, name: str, label: str) -> dict[str, float]:
        """Its values by a label."""
        return {dict(found)[label]: value for found, value in self._samples.get(name, {}).items()}

    def __contains__(self, name: str) -> bool:
        return name in self._samples
