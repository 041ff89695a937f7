from openrtb.model import BidRequest

MIMES: dict[str, int]

class Request:
    model: BidRequest | None
    id: str
    imp_ids: list[str]
    deal_codes: list[str]
    person: int
    met: int
    joined: bool
    former: int
    device: int
    household: int
    site: int
    country: int
    region: int
    city: int
    os: int
    browser: int
    language: int
    site_name: str
    country_code: str
    device_type: int
    auction_type: int
    tmax: int
    hour_of_week: int
    is_app: bool
    is_dooh: bool
    natives: list[tuple[str, str]]
    test: bool
    signals: int
    chain_state: int
    publisher: int
    app_domain: int
    partner: int
    user_agent: str | None
    os_text: str | None
    address: str | None
    place: tuple[str, str | None, str | None] | None
    personal: bool
    record: bytes | None
    now_ns: int
    hash: int
    def fields(self) -> dict[str, object]: ...
    @property
    def repairs(self) -> list[str]: ...
    def forget_person(self) -> None: ...
    def formats(self) -> list[tuple[int, int]]: ...
    def size_list(self) -> list[str]: ...
