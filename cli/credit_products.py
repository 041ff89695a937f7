"""``outbid credit products``: the file of lenders and products."""

import argparse
import json
from pathlib import Path


def add(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = parts.add_parser("products", help="lenders' products: the file that offers are made from")
    acts = command.add_subparsers(metavar="ACT", required=True)
    validate = acts.add_parser("validate", help="says what is wrong with a file of products, or what is in it")
    validate.add_argument("file", type=Path, metavar="FILE", help="YAML, as docs/offers.md has it")
    validate.add_argument("--json", action="store_true", help="the products as they are understood")
    validate.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    import msgspec

    from credit.product_file import read_products

    catalogue = read_products(asked.file)
    if asked.json:
        print(json.dumps({"version": catalogue.version, **msgspec.to_builtins(catalogue)}))
        return 0
    print(
        f"{asked.file} is valid, version {catalogue.version}: {len(catalogue.lenders)} lenders, "
        f"{len(catalogue.products)} products, all money in {catalogue.currency}"
    )
    for product in catalogue.products:
        ways = len(product.eligibility.any_of)
        clauses = sum(map(len, product.eligibility.any_of))
        conditions = f"{clauses} conditions in {ways} alternatives" if ways > 1 else f"{clauses} conditions"
        print(f"  {product.path:40} {product.name:30} {conditions if clauses else 'for everybody'}")
    return 0
