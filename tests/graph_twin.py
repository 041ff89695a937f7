"""The graph of `risk.network` in plain Python: everything worked out anew, whenever it is asked for."""

from collections import deque

from risk.graph_features import GraphFeatures
from risk.graph_kinds import DEVICE, IP, KINDS
from risk.network import DAMPING, MAX_DISTANCE


class GraphTwin:
    def __init__(self) -> None:
        self.kinds: dict[int, int] = {}
        self.around: dict[int, set[int]] = {}
        self.labels: dict[int, bool] = {}

    def join(self, first: int, first_kind: int, second: int, second_kind: int) -> bool:
        for key, kind in ((first, first_kind), (second, second_kind)):
            self.kinds.setdefault(key, kind)
            self.around.setdefault(key, set())
        new = second not in self.around[first]
        self.around[first].add(second)
        self.around[second].add(first)
        return new

    def label(self, key: int, fraud: bool | None, kind: int) -> None:
        self.kinds.setdefault(key, kind)
        self.around.setdefault(key, set())
        self.labels.pop(key, None)
        if fraud is not None:
            self.labels[key] = fraud

    def forget(self, key: int) -> None:
        """Whoever was known only for having been seen with it is known no more."""
        for other in self.around.pop(key, ()):
            self.around[other].discard(key)
            if not self.around[other] and other not in self.labels:
                del self.around[other], self.kinds[other]
        self.kinds.pop(key, None)
        self.labels.pop(key, None)

    def distances(self, sources: list[int]) -> dict[int, int]:
        found, queue = dict.fromkeys(sources, 0), deque(sources)
        while queue:
            node = queue.popleft()
            for other in self.around[node]:
                if other not in found:
                    found[other] = found[node] + 1
                    queue.append(other)
        return found

    def scores(self) -> dict[int, float]:
        """The equations, gone through in order until nothing moves."""
        score = {key: float(self.labels.get(key, False)) for key in self.kinds}
        moved = 1.0
        while moved > 1e-9:
            moved = 0.0
            for key, around in self.around.items():
                if key not in self.labels and around:
                    now = DAMPING * sum(score[other] for other in around) / len(around)
                    moved, score[key] = max(moved, abs(now - score[key])), now
        return score

    def shared(self, key: int, hub_kind: int) -> int:
        hubs = [hub for hub in self.around[key] if self.kinds[hub] == hub_kind]
        return len(
            {other for hub in hubs for other in self.around[hub] if self.kinds[other] == self.kinds[key]} - {key}
        )

    def features(self) -> dict[int, GraphFeatures]:
        """Of every node."""
        near, score = self.distances([key for key, fraud in self.labels.items() if fraud]), self.scores()
        made = {}
        for key, around in self.around.items():
            of_kind = {f"{name}_degree": sum(self.kinds[o] == n for o in around) for n, name in enumerate(KINDS)}
            far = near.get(key, MAX_DISTANCE + 1)
            made[key] = GraphFeatures(
                component_size=len(self.distances([key])),
                degree=len(around),
                **of_kind,
                shared_ip=self.shared(key, IP),
                shared_device=self.shared(key, DEVICE),
                distance_to_fraud=far if far <= MAX_DISTANCE else -1,
                label_score=score[key],
                fraud=self.labels.get(key),
            )
        return made
