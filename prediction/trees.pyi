from cython_ext.encoding import Encoder
from cython_ext.forest import Forest
from prediction.scorer import Scorer

class Trees(Scorer):
    TYPE: str
    encoder: Encoder
    forest: Forest
    bias: float
    def __init__(self, encoder: Encoder, forest: Forest, bias: float) -> None: ...
