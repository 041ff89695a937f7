"""The kinds of values of a bid request; ``extra`` says what the lenient reading does beyond the type."""

from typing import Annotated

from msgspec import Meta

Integer = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""All integers of the specification fit in 32 bits; a larger one is a mistake and would overflow the compiled
request."""
Signal = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1, extra={"if_unreadable": 1})]
"""A privacy signal: one that is there but cannot be read is taken for a 1, never for nothing."""
Floor = Annotated[float, Meta(extra={"if_unreadable": -1.0, "if_blank": 0.0})]
"""A price floor in CPM: one that is there but cannot be read is taken for a negative one, which is a defect
(`openrtb.validate`); nobody bids below a floor that could not be read. An empty string is no floor."""
Currency = Annotated[str, Meta(extra={"if_unreadable": ""})]
"""An ISO 4217 code: one that cannot be read is of no currency, and so has no exchange rate."""
Id = Annotated[str, Meta(min_length=1)]
JsonText = Annotated[str, Meta(extra={"json_text": True})]
"""JSON inside a string. Where it was sent as an object, it is read back into its text."""
PrivacyText = Annotated[str, Meta(extra={"if_unreadable": "?"})]
"""A privacy string: one that is there but is no text is taken for one that cannot be read, never for nothing."""
