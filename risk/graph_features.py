"""What the graph says of one node."""

from msgspec import Struct


class GraphFeatures(Struct, frozen=True):
    """Of a key that the graph does not know: no component, nothing near, score 0."""

    component_size: int = 0
    """Nodes that are joined with it over any number of edges, itself among them; 0: the key is not known."""
    degree: int = 0
    """Nodes next to it; below by their kind."""
    ip_degree: int = 0
    device_degree: int = 0
    phone_degree: int = 0
    email_degree: int = 0
    account_degree: int = 0
    card_degree: int = 0
    national_id_degree: int = 0
    address_degree: int = 0
    other_degree: int = 0
    shared_ip: int = 0
    """Other nodes of its kind at the addresses it was seen at; `MOST_SHARED` (255) stands for so many or more, and no
    more than `HUBS` (64) of its addresses are looked at."""
    shared_device: int = 0
    """Other nodes of its kind with the devices it was seen with, likewise."""
    distance_to_fraud: int = -1
    """Edges to the nearest known fraud, 0 if it is one; -1: none within `MAX_DISTANCE` (6)."""
    label_score: float = 0.0
    """0 to 1: the chance that a walk from here, which goes on with probability `DAMPING` (0.85) a step, comes to known
    fraud before it comes to something known to be good. Right to 0.002."""
    fraud: bool | None = None
    """Its own label; None: nothing is known."""
