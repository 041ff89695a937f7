"""Artefacts: what is saved is what is loaded, and what is damaged or forged is refused with file and field."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from prediction import artefact
from prediction.artefact import Damaged, Description, TrainedOn, describe, load, load_model, save
from prediction.blend import Blend
from prediction.feature_set import Feature, FeatureSet, numbers
from prediction.fitting import factorization, linear, trees
from prediction.fitting.columns import EncodingSettings, ExpansionSettings
from prediction.rows import Rows, rows
from prediction.scorer import Scorer

FEATURES = FeatureSet(
    "test",
    1,
    (
        Feature("site", "category", "request"),
        Feature("age", "number", "request"),
        Feature("size", "category", "candidate"),
    ),
    (("site", "size"), ("age", "size")),
)
SMALL = ExpansionSettings(bits=8, buckets=4, levels=(2,), least=2)
ENCODED = EncodingSettings(of="crosses", folds=2)


def examples(count: int = 300) -> Rows:
    rng = np.random.default_rng(1)
    site, size = rng.integers(1, 9, count).astype(np.uint32), rng.integers(0, 4, count).astype(np.uint32)
    age = np.where(rng.random(count) < 0.2, np.nan, rng.normal(0, 1, count))
    label = rng.random(count) < 0.2 + 0.1 * (site % 3) + 0.3 * (age > 0.5)
    return rows(np.stack([site, numbers(age), size], 1), label.astype(np.float64))


@pytest.fixture(scope="module")
def model() -> Blend:
    known = examples()
    return Blend(
        [
            linear.fit(FEATURES, known, linear.LinearSettings(expansion=SMALL)),
            factorization.fit(FEATURES, known, factorization.FactorizationSettings(ENCODED, SMALL, passes=2)),
            trees.fit(FEATURES, known, trees.TreesSettings(ENCODED, trees=3, leaves=4)),
        ],
        [0.5, 0.25, 0.25],
        0.125,
    )


DESCRIPTION = Description(
    "ctr", 7, 1, FEATURES, TrainedOn("test", 300, 100.0, 0, 0), {"auc": 0.75}, {"": 0.3}, {"why": ["a", 1]}
)


@pytest.fixture
def saved(model: Blend, tmp_path: Path) -> Path:
    save(tmp_path / "7", model, DESCRIPTION, {"card.md": b"# card"})
    return tmp_path / "7"


def test_what_is_saved_is_loaded(model: Blend, saved: Path) -> None:
    found = load(saved)
    values = examples().values
    assert (found.scores(values) == model.scores(values)).all()
    assert describe(saved) == DESCRIPTION
    assert (saved / "card.md").read_bytes() == b"# card"
    assert [path.name for path in saved.parent.iterdir()] == ["7"]


def test_an_artefact_is_never_changed(model: Blend, saved: Path) -> None:
    with pytest.raises(FileExistsError, match="never changed"):
        save(saved, model, DESCRIPTION)
    with pytest.raises(ValueError, match=r"arrays\.bin"):
        save(saved.parent / "8", model, DESCRIPTION, {"arrays.bin": b""})
    with pytest.raises(ValueError, match="called"):
        save(saved.parent / "8", model, DESCRIPTION, {"../7/model.json": b""})
    with pytest.raises(TypeError, match="no model"):
        save(saved.parent / "8", 3, DESCRIPTION)
    with pytest.raises(ValueError, match="version"):
        msgspec.structs.replace(DESCRIPTION, version=2**32)


def told(path: Path) -> Any:
    return json.loads((path / "model.json").read_bytes())


def tell(path: Path, changed: Any) -> None:
    (path / "model.json").write_text(json.dumps(changed))


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    if isinstance(value, dict):
        for key in value:
            yield from leaves(value[key], (*at, key))
    elif isinstance(value, list):
        for place in range(len(value)):
            yield from leaves(value[place], (*at, place))


def put(whole: Any, at: tuple[Any, ...], value: Any) -> Any:
    if not at:
        return value
    changed = json.loads(json.dumps(whole))
    into = changed
    for step in at[:-1]:
        into = into[step]
    into[at[-1]] = value
    return changed


def usable(path: Path) -> bool:
    """Whether it loads; if it does, it scores as every model does, and if not, it says where."""
    try:
        model = load(path)
    except Damaged as refusal:
        assert str(refusal).startswith((f"{path / 'model.json'}: ", f"{path / 'arrays.bin'}: ")), refusal
        assert len(str(refusal)) > len(f"{path / 'arrays.bin'}: ") + 5
        return False
    assert isinstance(model, Scorer)
    found = model.scores(examples(40).values)
    assert ((found > 0) & (found < 1)).all()
    return True


ODD: tuple[Any, ...] = (None, -1, 0, 1, 3, 9, 65_537, 2**40, -(2**63), 1e308, "", "linear", [], [[0, 0]], [1], {}, True)


def test_every_value_of_the_description_may_be_wrong(saved: Path) -> None:
    right = told(saved)
    places = [at for at in leaves(right) if "features" not in at and "notes" not in at]
    assert len(places) > 150
    loaded = 0
    for number, at in enumerate(places):
        for odd in ODD[number % 6 :: 6]:
            tell(saved, put(right, at, odd))
            loaded += usable(saved)
    assert 0 < loaded < len(places)  # a metric, a bias or a time may be another


def arrays(told_of: Any, at: tuple[Any, ...] = ("model",)) -> Iterator[tuple[Any, ...]]:
    for name in told_of["arrays"]:
        yield (*at, "arrays", name)
    for place, member in enumerate(told_of["members"]):
        yield from arrays(member, (*at, "members", place))


def test_every_array_may_be_wrong(saved: Path) -> None:
    """Other numbers of the right type and length, with the right checksum: forged, not damaged."""
    right, data = told(saved), (saved / "arrays.bin").read_bytes()
    rng = np.random.default_rng(3)
    loaded = 0
    names = list(arrays(right["model"]))
    assert len(names) > 20
    for at in names:
        where: Any = right
        for step in at:
            where = where[step]
        dtype, count = np.dtype(where["dtype"]), int(np.prod(where["shape"]))
        kept = np.frombuffer(data, dtype, count, where["offset"])
        for change in (
            np.frombuffer(rng.bytes(kept.nbytes), dtype),
            np.zeros_like(kept),
            np.full(count, np.nan, dtype) if dtype.kind == "f" else ~np.zeros_like(kept),
            kept[::-1],
            np.full_like(kept, 3),
        ):
            raw = np.ascontiguousarray(change).tobytes()
            (saved / "arrays.bin").write_bytes(data[: where["offset"]] + raw + data[where["offset"] + len(raw) :])
            tell(saved, put(right, (*at, "crc32"), zlib.crc32(raw)))
            loaded += usable(saved)
    assert 0 < loaded < 4 * len(names)


def test_a_file_cut_short_or_changed_is_refused(saved: Path) -> None:
    data, text = (saved / "arrays.bin").read_bytes(), (saved / "model.json").read_bytes()
    for cut in (0, 1, len(data) // 2, len(data) - 1):
        (saved / "arrays.bin").write_bytes(data[:cut])
        with pytest.raises(Damaged, match=rf"arrays\.bin: has {cut} bytes, not {len(data)}"):
            load(saved)
    place = told(saved)["model"]["members"][0]["arrays"]["weights"]["offset"] + 3
    (saved / "arrays.bin").write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(Damaged, match=r"model\.members\[0\]\.arrays\.weights: .* not those that were written"):
        load(saved)
    (saved / "arrays.bin").write_bytes(data)
    for cut in range(0, len(text) - 3, 97):
        (saved / "model.json").write_bytes(text[:cut])
        with pytest.raises(Damaged, match=r"model\.json"):
            load(saved)
    (saved / "arrays.bin").unlink()
    (saved / "model.json").write_bytes(text)
    with pytest.raises(OSError):
        load(saved)


@pytest.mark.parametrize(
    ("at", "value", "refusal"),
    [
        (("model", "type"), "oracle", r"model\.type: 'oracle' is not allowed; .*linear"),
        (("model", "members", 0, "parameters", "bits"), 9, r"model\.members\[0\]\.kept: is 4 in size, not 8"),
        (("model", "members", 0, "arrays", "weights", "dtype"), "|O", r"members\[0\]\.arrays\.weights\.dtype: '\|O'"),
        (("model", "members", 0, "arrays", "weights", "shape"), [2**60], r"members\[0\]\.arrays\.weights: bytes"),
        (("model", "members", 2, "parameters", "columns"), [1, 1], r"model\.members\[2\]\."),
        (("description", "feature_set", "features"), [], "has 0 features.*feature_set"),
        (("format",), 2, "format: 2 is not allowed; 1 is"),
    ],
)
def test_refusals_name_the_field(saved: Path, at: tuple[Any, ...], value: Any, refusal: str) -> None:
    tell(saved, put(told(saved), at, value))
    with pytest.raises(Damaged, match=refusal):
        load(saved)


def test_models_do_not_stand_within_models_for_ever(saved: Path) -> None:
    right = told(saved)
    nested = right["model"]["members"][0]
    for _ in range(artefact.DEEPEST + 2):
        nested = {"type": "blend", "parameters": {"bias": 0.0}, "arrays": {}, "members": [nested]}
    tell(saved, put(right, ("model",), nested))
    with pytest.raises(Damaged, match="deep"):
        load_model(saved)
    (saved / "model.json").write_text('{"members":[' * 100_000)
    with pytest.raises(Damaged):
        load_model(saved)


def test_a_model_of_other_features_is_refused(saved: Path) -> None:
    changed = told(saved)
    changed["description"]["feature_set"]["features"].append({"name": "x", "kind": "number", "part": "candidate"})
    tell(saved, changed)
    with pytest.raises(Damaged, match=r"feature_set: has 2 \+ 2 features, the model takes 2 \+ 1"):
        load(saved)
