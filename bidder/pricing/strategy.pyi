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
        margin: float = 0.0,
        exposure: float = 0.0,
        lgd: float = 0.0,
        p_approved: float = 0.0,
        pd: float = 0.0,
        facts: tuple[float, float] | tuple[()] = (),
    ) -> float: ...
