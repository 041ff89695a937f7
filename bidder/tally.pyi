BOUNDS_S: tuple[float, ...]

class Tally:
    exchange: str
    requests: int
    bids: int
    no_bids: int
    late: int
    def __init__(self, exchange: str) -> None: ...
    def answered(self, ns: int) -> None: ...
    def latencies(self) -> tuple[list[int], float]: ...
