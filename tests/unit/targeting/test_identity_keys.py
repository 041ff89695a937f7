"""How people's ids are written, normalised and hashed, against the vectors that UID2 publishes."""

import base64

import pytest

from domain.naming import name_id, person_key
from targeting.identity_keys import (
    FORMS,
    KINDS,
    email_hash,
    normalised_email,
    normalised_phone,
    parse_person,
    phone_hash,
    read_hash,
    shown,
    written_key,
)

IFA = "6D92078A-8246-4BA4-AE5B-76104861E7DC"
JANE = "92ee26057ed9dea2535d6c8b141d48373932476599196e00352254896db5888f"

# https://unifiedid.com/docs/getting-started/gs-normalization-encoding: as written, normalised, SHA-256, in Base64
EMAILS = [
    ("MyEmail@example.com", "myemail@example.com",
     "16c18d336f0b250f0e2d907452ceb9658a74ecdae8bc94864c23122a72cc27a5",
     "FsGNM28LJQ8OLZB0Us65ZYp07NrovJSGTCMSKnLMJ6U="),
    ("MYEMAIL@example.com", "myemail@example.com",
     "16c18d336f0b250f0e2d907452ceb9658a74ecdae8bc94864c23122a72cc27a5",
     "FsGNM28LJQ8OLZB0Us65ZYp07NrovJSGTCMSKnLMJ6U="),
    ("My.Email@example.com", "my.email@example.com",
     "e22b53bc6f871274f3a62ab37a3caed7214fc14d676215a96a242fcfada1c81f",
     "4itTvG+HEnTzpiqzejyu1yFPwU1nYhWpaiQvz62hyB8="),
    ("JANESAOIRSE@example.com", "janesaoirse@example.com",
     "d6670e7a92007f1b5ff785f1fc81e53aa6d3d7bd06bdf5c473cdc7286c284b6d",
     "1mcOepIAfxtf94Xx/IHlOqbT170GvfXEc83HKGwoS20="),
    ("Jane.Saoirse@example.com", "jane.saoirse@example.com",
     "b196432c7b989a2ca91c83799957c515da53e6c13abf20b78fea94f117e90bf8",
     "sZZDLHuYmiypHIN5mVfFFdpT5sE6vyC3j+qU8RfpC/g="),
    ("JaneSaoirse+Work@example.com", "janesaoirse+work@example.com",
     "28aaee4815230cd3b4ebd88c515226550666e91ac019929e3adac3f66c288180",
     "KKruSBUjDNO069iMUVImVQZm6RrAGZKeOtrD9mwogYA="),
    ("  user@example.com ", "user@example.com",
     "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514",
     "tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRQ="),
]  # fmt: skip
PHONE = (
    "10e6f0b47054a83359477dcb35231db6de5c69fb1816e1a6b98e192de9e5b9ee",
    "EObwtHBUqDNZR33LNSMdtt5cafsYFuGmuY4ZLenlue4=",
)


@pytest.mark.parametrize(("written", "normalised", "digest", "encoded"), EMAILS)
def test_email_addresses_are_hashed_as_uid2_publishes_it(
    written: str, normalised: str, digest: str, encoded: str
) -> None:
    assert normalised_email(written) == normalised.encode()
    assert email_hash(written).hex() == digest
    assert base64.b64encode(email_hash(written)).decode() == encoded
    assert parse_person(f"email:{written}") == parse_person(f"email_sha256:{digest.upper()}")
    assert parse_person(f"email:{written}") == parse_person(f"email_sha256:{encoded}")
    assert parse_person(f"email:{written}") == person_key("email_sha256", digest) == name_id(f"email_sha256:{digest}")


@pytest.mark.parametrize(
    ("written", "normalised"),
    [("+1 (234) 567-8901", "+12345678901"), ("+65 1234 5678", "+6512345678"), ("+61 2 1234 5678", "+61212345678")],
)
def test_telephone_numbers_are_written_as_e164_has_it(written: str, normalised: str) -> None:
    assert normalised_phone(written) == normalised
    assert parse_person(f"phone:{written}") == parse_person(f"phone_sha256:{phone_hash(normalised).hex()}")


def test_telephone_numbers_are_hashed_as_uid2_publishes_it() -> None:
    assert phone_hash("+12345678901").hex() == PHONE[0]
    assert parse_person("phone:+12345678901") == parse_person(f"phone_sha256:{PHONE[1]}")


def test_the_written_forms_name_the_persons_that_a_request_names() -> None:
    assert parse_person(f"ifa:{IFA}") == parse_person(f"ifa:{IFA.lower()}") == person_key("ifa", IFA)
    assert {parse_person(f"{kind}:{IFA}") for kind in ("idfa", "aaid", "oaid")} == {person_key("ifa", IFA)}
    assert parse_person("buyeruid:usx:a:B1") == person_key("buyeruid", "a:B1", "usx") == name_id("buyeruid:usx:a:B1")
    assert parse_person("user:usx:u1") == person_key("user", "u1", "usx")
    assert parse_person("user:usx:u1") != parse_person("user:cnx:u1") != parse_person("user:cnx:U1")
    assert parse_person("eid:Pub.Example:a:B=") == person_key("eid", "a:B=", "pub.example")
    assert parse_person("eid:Pub.Example:a:B=") == name_id("eid:pub.example:a:B=")
    assert parse_person("uid2:AbC+/=") == parse_person("eid:uidapi.com:AbC+/=") != parse_person("uid2:abc+/=")
    assert parse_person("euid:x") == parse_person("eid:euid.eu:x")
    assert parse_person("id5:ID5*1Ls") == parse_person("eid:id5-sync.com:ID5*1Ls")
    assert parse_person("rampid:XY1000bXVBcjg") == parse_person("eid:liveramp.com:XY1000bXVBcjg")
    assert parse_person("cookie:Qw") == person_key("cookie", "Qw") != parse_person("cookie:qw")
    assert parse_person("first_party:bank:7") == person_key("first_party", "7", "bank")
    assert parse_person("first_party:bank:7") != parse_person("first_party:loans:7")
    assert parse_person(written_key(parse_person("cookie:Qw"))) == parse_person("cookie:Qw")


def test_every_kind_is_among_the_forms_that_a_refusal_lists() -> None:
    assert all(f" {kind}:" in FORMS or f"{kind} " in FORMS or f"{kind}," in FORMS for kind in KINDS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a person is written"),
        (IFA, "a person is written"),
        ("mail:x", "a person is written"),
        ("ifa:", "1 to 1024 printable"),
        ("ifa:a b", "1 to 1024 printable"),
        ("ifa:" + "x" * 1025, "1 to 1024 printable"),
        ("user:usx:\x07", "1 to 1024 printable"),
        ("user:u1", "no exchange 'u1'"),
        ("user:usx", "1 to 1024 printable"),
        ("user::u1", "no exchange ''"),
        ("user:nowhere:u1", "no exchange 'nowhere'"),
        ("first_party:nobody:u1", "no advertiser 'nobody'"),
        ("first_party:bank:ann@example.com", "email:ADDRESS"),
        ("cookie:+491715550123", "phone:NUMBER"),
        ("eid::u1", "an eid has a source"),
        ("ifa:00000000-0000-0000-0000-000000000000", "opted out"),
        ("email:someone", "NAME@DOMAIN"),
        ("email:some one@example.com", "NAME@DOMAIN"),
        ("email:someone@localhost", "NAME@DOMAIN"),
        ("email:+work@gmail.com", "NAME@DOMAIN"),
        ("email:a@b@example.com", "NAME@DOMAIN"),
        ("phone:0171 5550123", "E.164"),
        ("phone:12345678901", "E.164"),
        ("phone:+49 (0) 171 5550123", "E.164"),
        ("phone:+1234567890123456", "E.164"),
        ("email_sha256:" + "g" * 64, "64 hexadecimal"),
        ("email_sha256:" + JANE[:-1], "64 hexadecimal"),
        ("phone_sha256:someone@example.com", "64 hexadecimal"),
        ("email_sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "empty text"),
        ("email_sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "empty text"),
        ("key:12", "16 hexadecimal"),
        ("key:0000000000000000", "16 hexadecimal"),
    ],
)
def test_what_names_no_person_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_person(text, exchanges={"usx"}, advertisers={"bank"})


def test_a_hash_in_the_alphabet_of_urls_is_the_same_hash() -> None:
    digest = bytes(range(200, 232))
    assert read_hash(base64.urlsafe_b64encode(digest).decode().rstrip("=")) == digest


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("user:usx:u1", "user:usx:u1"),
        ("nobody", "nobody"),
        ("ifa:" + "x" * 100, "ifa:" + "x" * 76),
        ("email:ann@example.com", "email:…"),
        ("email:ann at example", "email:…"),
        ("phone:+1234567", "phone:…"),
        ("ann@example.com", "…"),
        ("Email:ann", "…"),
        ("user:usx:ann@example.com", "user:…"),
        ("tel:+49 171 5550123", "…"),
        ("Ann;+49 171 5550123", "…"),
    ],
)
def test_nothing_that_may_be_an_address_or_a_number_is_shown(text: str, what: str) -> None:
    assert shown(text) == what
