PRIOR_CTR: float
PRIOR_CVR: float

class Models:
    prior_ctr: float
    prior_cvr: float
    def __init__(self, prior_ctr: float = ..., prior_cvr: float = ...) -> None: ...
