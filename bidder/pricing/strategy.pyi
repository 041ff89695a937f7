class Strategy:
    predictions: tuple[str, ...]
    def value_of(
        self,
        *,
        goal: float = 0.0,
        cap: float = 0.0,
        worth: float = 0.0,
        known_ctr: float = 0.0,
        known_cvr: float = 0.0,
        known_worth: float = 0.0,
        ctr: float = 0.0,
        cvr: float = 0.0,
    ) -> float: ...
