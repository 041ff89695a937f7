from prediction.scorer import Scorer

PRIOR_CTR: float
PRIOR_CVR: float
LIVE: tuple[str, ...]

class Models:
    ctr: Scorer | None
    cvr: Scorer | None
    shadow: Scorer | None
    ctr_version: int
    cvr_version: int
    shadow_version: int
    prior_ctr: float
    prior_cvr: float
    predicted: int
    def __init__(self, prior_ctr: float = ..., prior_cvr: float = ...) -> None: ...
    def put(self, target: str, scorer: Scorer | None, version: int) -> None: ...
