"""The credit service: how long a match among 500 lenders' products takes, and its API under load
(`rig/credit_api_bench.py`).

Products have nested conditions over tags in seven families, and quotas; the model of approvals is fitted to 50,000
made-up answers. A match is all that is done in memory: conditions, quotas, rates, expected values, the probabilities of
the policy, the draw, and encoding the record. Every tag is told and everybody may have every product, so that nothing
is sorted out early. ``match_ms`` is the median of the wall time and ``match_p99_ms`` the 99th percentile;
``match_cpu_p99_ms`` is that of this thread's processor time, which other processes of the machine do not lengthen. In
``match_usual_ms`` products have conditions. ``learnt_share``: what the policy earns of a clairvoyant's value after some
thousand matches of a market that it does not know (`rig/offer_learning.py`).

The last line is the result as JSON.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from rig import credit_api_bench, offer_learning, offer_world

from credit.learning import model_of
from credit.match_features import NAMES
from credit.match_log import encode, record_of
from credit.matching import Matcher, Question, Standing, joined, priors_of
from credit.offer_rates import Answers
from credit.policy import Policy
from credit.product_file import catalogue_of
from credit.products import Catalogue
from credit.quota_store import QuotaStore
from credit.quotas import Quotas
from credit.tags import facts_of
from domain.money import NANOS

ANSWERS = 50_000


def made_answers(rng: np.random.Generator, products: int) -> Answers:
    features = rng.normal(size=(ANSWERS, len(NAMES)))
    features[:, 0] = 1.0
    product = rng.integers(0, products, ANSWERS)
    weights = np.array([-0.8, -0.5, 0, 0.7, -0.1, 0, 0.2, 0.1, -0.3]) + rng.normal(size=(products, len(NAMES))) * 0.4
    rate = 1 / (1 + np.exp(-np.einsum("ij,ij->i", features, weights[product])))
    return Answers(product, features, (rng.random(ANSWERS) < rate).astype(float), np.ones(ANSWERS))


def measure(catalogue: Catalogue, matches: int, folder: Path, told: float) -> dict[str, float]:
    """Milliseconds of so many matches of different applicants."""
    draw = random.Random(2)
    begun = time.perf_counter()
    paths = [product.path for product in catalogue.products]
    model = model_of(paths, made_answers(np.random.default_rng(3), len(paths)), catalogue, 0)
    fitted = time.perf_counter() - begun
    store = QuotaStore(folder / "quotas.sqlite")
    quotas = Quotas(catalogue, store, time.time_ns)
    begun = time.perf_counter()
    matcher = Matcher(catalogue, model.rates(priors_of(catalogue.products)), quotas, Policy())
    compiled = time.perf_counter() - begun
    begun = time.perf_counter()
    quotas.renew()
    leased = time.perf_counter() - begun
    version, schema = catalogue.version, catalogue.schema()
    asked = [
        joined(
            facts_of(offer_world.tags(draw, told), schema), Standing(pd=draw.random() * 0.3, p_approved=draw.random())
        )
        for _ in range(matches)
    ]
    took, worked, candidates, eligible = (np.empty(matches) for _ in range(4))
    for place, (facts, standing) in enumerate(asked):
        question = Question(facts, standing, draw.randint(500, 5_000) * NANOS, 12)
        begun, work = time.perf_counter(), time.thread_time()
        found = matcher.match(question)
        record = record_of(
            found, question, catalogue, version=version, at_ns=0, institution="", persons=(1,), policy="thompson",
            even_share=0.02, learnt=ANSWERS,
        )  # fmt: skip
        encode(record)
        took[place], worked[place] = (time.perf_counter() - begun) * 1e3, (time.thread_time() - work) * 1e3
        candidates[place], eligible[place] = len(found.candidates), found.eligible
        if place % 64 == 63:
            quotas.renew()
    store.close()
    wall, work_p99 = np.quantile(took, [0.5, 0.99]), float(np.quantile(worked, 0.99))
    print(
        f"{len(catalogue.products)} products, {eligible.mean():.0f} eligible, {candidates.mean():.0f} worth something: "
        f"a match {wall[0]:.3f} ms, p99 {wall[1]:.3f} ms; processor {np.median(worked):.3f} ms, p99 {work_p99:.3f} ms. "
        f"Fit of {ANSWERS} answers {fitted:.2f} s, compile {compiled:.2f} s, first leases {leased * 1e3:.0f} ms"
    )
    return {"median": float(wall[0]), "p99": float(wall[1]), "cpu": work_p99}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=500)
    parser.add_argument("--matches", type=int, default=5_000)
    parser.add_argument("--rate", type=int, default=1_000, help="calls of the API a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of calls in each turn (default: %(default)s)")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--learning", type=int, default=8_000, help="matches of a market (default: %(default)s)")
    parser.add_argument("--markets", type=int, default=2, help="that are learnt, a policy (default: %(default)s)")
    asked = parser.parse_args()
    form = offer_world.content(random.Random(1), asked.products, 40)
    open_form = {**form, "lenders": [dict(lender) for lender in form["lenders"]]}
    for lender in open_form["lenders"]:
        wide = {"amount": {"min": 100, "max": 10_000}, "term_months": {"min": 1, "max": 60}}
        lender["products"] = [
            {name: value for name, value in {**product, **wide}.items() if name != "eligibility"}
            for product in lender["products"]
        ]
    with tempfile.TemporaryDirectory(prefix="outbid-bench-") as folder:
        usual = measure(catalogue_of(form), asked.matches, Path(folder) / "usual", 0.9)
        hardest = measure(catalogue_of(open_form), asked.matches, Path(folder) / "open", 1.0)
    learnt = offer_learning.shares(asked.learning, asked.markets)
    for name, (whole, last) in learnt.items():
        print(
            f"{name}: {whole:.3f} of the clairvoyant's value in {asked.learning} matches, {last:.3f} in the last "
            "quarter of them"
        )
    result = {
        "bench": "credit",
        "match_ms": round(hardest["median"], 3),
        "match_p99_ms": round(hardest["p99"], 3),
        "match_cpu_p99_ms": round(hardest["cpu"], 3),
        "match_usual_ms": round(usual["median"], 3),
        "learnt_share": round(learnt["thompson"][1], 3),
        **credit_api_bench.api_figures(asked.rate, asked.seconds, asked.turns),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
