#!/usr/bin/env python3
"""Writes pickles.json.gz: actions of events as Python pickles them, with the JSON that an import must make of them.

    PYTHONHASHSEED=0 python3 pickles.py            writes pickles.json.gz beside this file
    PYTHONHASHSEED=0 python3 pickles.py --adk SRC  compares it with the real classes of google-adk 1.4.2, whose sources are in
                                                   SRC; needs pydantic, google-genai and fastapi
"""

import base64
import collections
import datetime
import decimal
import enum
import gzip
import json
import os
import pickle
import random
import sys
import types
import uuid
import zoneinfo
from pathlib import Path

import standins

FILE = Path(__file__).with_name("pickles.json.gz")
PROTOCOLS = {"values outside of frames": (5,), "the second of two local times": (4, 5)}
UTC = datetime.timezone.utc
BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def to_json(value):
    """The JSON that is wanted, written apart from the reader that is tested."""
    if value is None or isinstance(value, (bool, int)) and not isinstance(value, enum.Enum):
        return json.dumps(value)
    if isinstance(value, enum.Enum):
        return to_json(value.value)
    if isinstance(value, float):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, (bytes, bytearray)):
        return json.dumps(base64.urlsafe_b64encode(value).decode())
    if isinstance(value, (list, tuple, set, frozenset)):
        return f"[{','.join(map(to_json, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key_of(key)}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (datetime.datetime, datetime.time)):
        return json.dumps(value.isoformat().replace("+00:00", "Z"))
    if isinstance(value, datetime.date):
        return json.dumps(value.isoformat())
    if isinstance(value, datetime.timedelta):
        return json.dumps(duration(value))
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return json.dumps(str(value))
    if hasattr(value, "pickled"):
        state = value.pickled
        if type(value).__name__ == "EventActions":
            delta = {key: item for key, item in state["__dict__"]["state_delta"].items() if not key.startswith("temp:")}
            state = {**state, "__dict__": {**state["__dict__"], "state_delta": delta}}
        known = state["__dict__"]
        drop = not type(value).__module__.startswith("shop")
        fields = [(alias, known[field]) for field, alias, _ in value.fields if known[field] is not None or not drop]
        fields += (state["__pydantic_extra__"] or {}).items()
        return "{" + ",".join(f"{json.dumps(alias)}:{to_json(item)}" for alias, item in fields) + "}"
    raise TypeError(type(value))


def key_of(key):
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(json.dumps(key))
    return to_json(key)


def duration(value):
    sign = "-" if value < datetime.timedelta(0) else ""
    value = abs(value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    exact = decimal.Decimal(seconds) + decimal.Decimal(value.microseconds) / 1_000_000
    clock = "".join(f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M")) if amount)
    clock += f"{exact.normalize():f}S" if exact else ""
    text = (f"{value.days}D" if value.days else "") + (f"T{clock}" if clock else "")
    return f"{sign}P{text or 'T0S'}"


def cases(kit):
    """Actions by name, made with the classes of `kit`."""

    def delta(**state):
        return kit.EventActions(state_delta=state)

    yield "without anything", kit.EventActions()
    yield "every field", kit.EventActions(
        skip_summarization=True,
        state_delta={"count": 1, "app:theme": "dark", "user:name": "Ada", "temp:x": [1]},
        artifact_delta={"report.pdf": 3, "user:photo.png": 0},
        transfer_to_agent="billing",
        escalate=False,
    )
    yield "integers", delta(
        zero=0, one=255, two=65_535, four=2**31 - 1, negative=-(2**31), five=2**31, safe=2**53 - 1, unsafe=2**53 + 1,
        least=-(2**63), most=2**64 - 1, huge=10**100, low=-(10**40) - 7, list=[2**53 + 3, -(2**70)], edge=-128, edges=-129,
    )
    yield "a long integer", delta(long=3**2_500)
    yield "floats", delta(
        half=0.5, whole=1.0, minus=-0.0, tiny=5e-324, large=1.7976931348623157e308, third=1 / 3, sixteen=1e16, seven=1e-7, exact=123456789.123
    )
    yield "texts", delta(
        empty="", ascii="a" * 300, quote='"\\/\b\f\n\r\t\u2028', zero="a\0b", umlaut="äöü\xa0\x85", beyond="日本 😀", medium="ä" * 300,
        lone="a\ud800b\udfff", **{"": 1, "key\n\"\\": 2, "ключ": 3, "\ud83d": 4},
    )
    yield "keys of JavaScript", delta(
        __proto__={"polluted": True}, constructor={"prototype": {"polluted": 1}}, toString=1, hasOwnProperty=None, **{"0": "a", "10": "b", "2": "c"}
    )
    yield "keys that are no texts", delta(numbers={1: "a", -5: "b", 2**70: "c"}, others={True: 1, None: 2},
        floats={key: 0 for key in (2.5, 3.0, -0.0, 1e20, -1.5e16, 1e15, 123456789012345.6, 1e-4, 1.25e-5, -3e-300, 1e22, 0.1)})
    yield "bytes", delta(
        none=b"", few=b"\xfb\xff\x00", many=bytes(range(256)) * 2, array=bytearray(b"abc~~~"), empty=bytearray()
    )
    yield "values outside of frames", delta(text="x" * 70_000, bytes=b"\xff" * 70_000, after=1)
    yield "lists, tuples and sets", delta(
        list=[], nested=[[1, [2, [3, [[]]]]], {}], tuples=[(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], many=list(range(1_100)),
        sets=[set(), {1}, {"a", "b", "c"}, frozenset(), frozenset({1, 2, 3}), set(range(1_100))],
    )
    yield "dicts", delta(
        empty={}, one={"a": 1}, many={f"k{i}": i for i in range(1_100)},
        ordered=collections.OrderedDict([("z", 1), ("a", [2])]), ordered_none=collections.OrderedDict(),
        defaults=collections.defaultdict(list, {"a": [1]}), plain=collections.defaultdict(None, {"b": 2}), counts=collections.defaultdict(int),
    )
    when = datetime.datetime
    offset = lambda **by: datetime.timezone(datetime.timedelta(**by))
    yield "datetimes", delta(
        naive=when(2025, 1, 2, 3, 4, 5), micro=when(2025, 12, 31, 23, 59, 59, 999_999), few=when(2025, 1, 2, 3, 4, 5, 60),
        utc=when(2025, 1, 2, tzinfo=UTC), east=when(2025, 1, 2, 3, tzinfo=offset(hours=5, minutes=45)), west=when(2025, 1, 2, 3, tzinfo=offset(hours=-9, minutes=-30)),
        named=when(2025, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=1), "CET")), second=when(1900, 1, 1, tzinfo=offset(minutes=53, seconds=28)),
        winter=when(2025, 1, 2, 3, tzinfo=BERLIN), summer=when(2025, 7, 2, 3, tzinfo=BERLIN),
        first=when(2025, 10, 26, 2, 30, tzinfo=BERLIN), gap=when(2025, 3, 30, 2, 30, tzinfo=BERLIN),
        old=when(1, 1, 1), end=when(9999, 12, 31, 23, 59, 59), fold=when(2025, 10, 26, 2, 30, fold=1),
    )
    # Protocols up to 3 lose the fold.
    yield "the second of two local times", delta(again=when(2025, 10, 26, 2, 30, fold=1, tzinfo=BERLIN), gap=when(2025, 3, 30, 2, 30, fold=1, tzinfo=BERLIN))
    yield "dates, times and spans", delta(
        date=datetime.date(2024, 2, 29), first=datetime.date(1, 1, 1), time=datetime.time(3, 4), exact=datetime.time(23, 59, 59, 5), utc=datetime.time(1, 2, 3, tzinfo=UTC),
        fold=datetime.time(1, fold=1), zone=datetime.time(9, tzinfo=BERLIN),
        spans=[datetime.timedelta(**span) for span in (
            {}, {"days": 1}, {"hours": 25}, {"minutes": 1}, {"seconds": 1.5}, {"microseconds": 5}, {"days": -1, "seconds": 2, "microseconds": 3},
            {"days": 400, "hours": 3}, {"weeks": -10_000}, {"hours": 23, "minutes": 59, "seconds": 59, "microseconds": 999_999},
        )],
    )
    yield "decimals and UUIDs", delta(
        decimals=[decimal.Decimal(text) for text in ("1.10", "-0", "1E+30", "NaN", "Infinity", "0.1000000000000000000000000001")],
        uuids=[uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("12345678-1234-5678-1234-567812345678")],
        keys={uuid.UUID(int=5): 1, datetime.date(2025, 1, 2): 2, decimal.Decimal("1.5"): 3},
    )
    yield "enums", delta(
        text=kit.AuthCredentialTypes.API_KEY, plain=kit.SecuritySchemeType.oauth2, key={kit.AuthCredentialTypes.HTTP: kit.APIKeyIn.cookie}, genai=kit.Language.PYTHON
    )
    shared = {"a": [1, 2], "text": "shared text"}
    yield "shared values", delta(first=shared, second=shared, list=[shared, shared["a"], shared["a"]], key={"shared text": shared["text"]})
    yield "state that is no value", delta(model=kit.AuthCredential(auth_type=kit.AuthCredentialTypes.HTTP, http=kit.HttpAuth(scheme="basic", credentials=kit.HttpCredentials(username="ada"))))
    raw = kit.AuthCredential(
        auth_type=kit.AuthCredentialTypes.OAUTH2,
        oauth2=kit.OAuth2Auth(client_id="id", client_secret="secret", expires_at=1_700_000_000, expires_in=3_600, codeVerifier="an extra field"),
    )
    flows = kit.OAuthFlows(
        authorizationCode=kit.OAuthFlowAuthorizationCode(scopes={"read_all": "reads all"}, authorizationUrl="https://a.example/o", tokenUrl="https://a.example/t")
    )
    account = kit.ServiceAccountCredential(
        project_id="p", private_key_id="i", private_key="k", client_email="e", client_id="c", auth_uri="a", token_uri="t",
        auth_provider_x509_cert_url="u", client_x509_cert_url="v", universe_domain="d", **{"type": "service_account"},
    )
    yield "auth configs", kit.EventActions(
        requested_auth_configs={
            "adk-1": kit.AuthConfig(auth_scheme=kit.OAuth2(flows=flows), raw_auth_credential=raw, exchanged_auth_credential=raw, credential_key="key_1"),
            "adk-2": kit.AuthConfig(
                auth_scheme=kit.APIKey(name="X-Key", **{"in": kit.APIKeyIn.header, "x-extra_field": {"a_b": None}}),
                raw_auth_credential=kit.AuthCredential(auth_type=kit.AuthCredentialTypes.API_KEY, api_key="k"),
                credential_key="key_2",
            ),
            "adk_3": kit.AuthConfig(
                auth_scheme=kit.OpenIdConnectWithConfig(
                    authorization_endpoint="https://a.example/o", token_endpoint="https://a.example/t", scopes=["openid"], grant_types_supported=["code"]
                ),
                raw_auth_credential=kit.AuthCredential(
                    auth_type=kit.AuthCredentialTypes.HTTP, service_account=kit.ServiceAccount(service_account_credential=account, scopes=["s"])
                ),
                credential_key="key_3",
            ),
        }
    )
    for number in range(40):
        yield f"random {number}", kit.EventActions(state_delta=randomly(random.Random(number)))


def randomly(rng):
    """A state of random values, some of them in several places."""
    seen = []
    text = lambda: "".join(rng.choice("ab_ ä€😀\"\\\n\0") for _ in range(rng.randrange(12)))

    def value(depth):
        kind = rng.randrange(16 if depth < 5 else 10)
        if seen and kind == 15:
            return rng.choice(seen)
        made = (
            lambda: None, lambda: rng.random() < 0.5, lambda: rng.randrange(-300, 300), lambda: rng.getrandbits(rng.randrange(1, 200)) - (1 << 90),
            lambda: rng.uniform(-1e6, 1e6), lambda: rng.random() * 10.0 ** rng.randrange(-300, 300), text, text, lambda: rng.randbytes(rng.randrange(9)),
            lambda: datetime.datetime(rng.randrange(1, 9_999), 1, 1, tzinfo=rng.choice([None, UTC])) + datetime.timedelta(microseconds=rng.getrandbits(44)),
            lambda: [value(depth + 1) for _ in range(rng.randrange(6))], lambda: tuple(value(depth + 1) for _ in range(rng.randrange(5))),
            lambda: {text(): value(depth + 1) for _ in range(rng.randrange(6))}, lambda: {rng.randrange(99): value(depth + 1) for _ in range(rng.randrange(6))},
            lambda: {rng.randrange(-99, 99) for _ in range(rng.randrange(6))}, lambda: collections.OrderedDict((text(), value(depth + 1)) for _ in range(rng.randrange(3))),
        )[kind]()
        seen.append(made)
        return made

    return {text(): value(0) for _ in range(rng.randrange(1, 9))}


def later():
    """Actions of later versions, and objects of a user's own classes."""
    call = standins.FunctionCall(id="f1", name="lookup", args={"order_id": 7, "snake_case": {"as_it": "is"}})
    parts = [
        standins.Part(text="hello", thought=True, thought_signature=b"\xff\xfe\xfd"),
        standins.Part(function_call=call),
        standins.Part(inline_data=standins.Blob(data=b"\x89PNG\xff\xfb", mime_type="image/png")),
    ]
    yield "later fields", standins.LaterActions(
        requested_tool_confirmations={"f_1": standins.ToolConfirmation(hint="sure?", payload={"a_b": None})},
        compaction=standins.EventCompaction(start_timestamp=1.5, end_timestamp=2.25, compacted_content=standins.Content(parts=parts, role="user")),
        end_of_agent=True,
        agent_state={"snake_case": {"none": None}},
        rewind_before_invocation_id="e-1",
    )
    yield "a model of the user's", standins.EventActions(state_delta={"basket": standins.UserModel(item_count=2)})
    plain = standins.place(type("Plain", (), {}), "shop.models", "Plain")()
    yield "temporary state of any class", standins.EventActions(state_delta={"a": 1, "temp:plain": plain, "temp:len": len, "b": 2})


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function, *args):
        self.made = (function, args)

    def __reduce__(self):
        return self.made


def hostile():
    """Pickles that must be refused, with a part of the reason. Each is bytes, or a value of the state."""
    loop, ring, knot = [], {}, ([],)
    loop.append([loop])
    ring["ring"] = {"deep": ring}
    knot[0].append(knot)
    laughs = ["lol"]
    for _ in range(40):
        laughs = [laughs] * 10
    dicts = {"a": 1}
    for _ in range(60):
        dicts = {"l": dicts, "r": dicts}
    basket = standins.place(type("Plain", (), {}), "shop.models", "Plain")()
    basket.secret = 1
    colour = standins.choices("shop.models", "Colour", RED="red")
    hidden = standins.EventActions()
    hidden.pickled["__pydantic_private__"] = {"x": Call(os.system, "true")}
    yield "a call of os.system", Call(os.system, "echo hostile"), f"{os.system.__module__}.system is none of the types that are read"
    yield "a call of eval", Call(eval, "1"), "builtins.eval is none of the types that are read"
    yield "a call of getattr", Call(getattr, "a", "upper"), "builtins.getattr has other arguments"
    yield "a call out of sight", hidden, f"{os.system.__module__}.system is none of the types that are read"
    yield "a list in itself", loop, "a value that contains itself"
    yield "a dict in itself", ring, "a value that contains itself"
    yield "a tuple in itself", knot, "POP at byte"
    yield "a billion laughs", laughs, "characters as JSON"
    yield "a billion laughs of dicts", dicts, "characters as JSON"
    yield "NaN", [float("nan")], "NaN, which JSON has not"
    yield "infinity", float("inf"), "an infinite number, which JSON has not"
    yield "minus infinity", {"a": float("-inf")}, "an infinite number, which JSON has not"
    yield "a complex number", 1 + 2j, "builtins.complex is none of the types that are read"
    yield "a range", range(3), "is none of the types that are read"
    yield "a function", len, "the class builtins.len, where a value should be"
    yield "a plain object", basket, "an object of shop.models.Plain, which is no model"
    yield "an enum of the user's", colour.RED, "shop.models.Colour is none of the types that are read"
    yield "a tuple as a key", {(1, 2): 3}, "a key that JSON has not"
    yield "bytes as a key", {b"a": 3}, "a key that JSON has not"
    yield "two keys that become one", {1: "a", "1": "b"}, "two keys that are the same in JSON"
    yield "a time zone alone", UTC, "a time zone without a time"
    yield "an integer without end", 10**5_000, "an integer of more than 4300 digits"


def entry(name, value, protocols, **wanted):
    pickles = {protocol: base64.b64encode(pickle.dumps(value, protocol)).decode() for protocol in protocols}
    return {"name": name, **wanted, "pickles": pickles}


def fixtures():
    for name, actions in [*cases(standins), *later()]:
        standins.place(type(actions), "google.adk.events.event_actions", "EventActions")
        protocols = PROTOCOLS.get(name, (2, 4, 5) if name.startswith("random") else range(6))
        yield entry(name, actions, protocols, json=to_json(actions))
    standins.place(standins.EventActions, "google.adk.events.event_actions", "EventActions")
    for name, value, reason in hostile():
        actions = value if isinstance(value, standins.EventActions) else standins.EventActions(state_delta={"x": value})
        yield entry(name, actions, (2, 5), refused=reason)


def main():
    if "--adk" in sys.argv:
        return compare(sys.argv[sys.argv.index("--adk") + 1])
    lines = ",\n".join(json.dumps(fixture) for fixture in fixtures())
    FILE.write_bytes(gzip.compress(f"[\n{lines}\n]\n".encode(), mtime=0))


def compare(source):
    """Says which pickles the real classes give in other bytes."""
    for name in list(sys.modules):
        if name.split(".")[0] in ("google", "fastapi"):
            del sys.modules[name]
    import google

    google.__path__.append(f"{source}/google")
    for name in ("adk", "adk.auth", "adk.events"):
        package = types.ModuleType(f"google.{name}")
        package.__path__ = [f"{source}/google/{name.replace('.', '/')}"]
        sys.modules[f"google.{name}"] = package
    import fastapi.openapi.models as openapi
    from google.adk.auth import auth_credential, auth_schemes, auth_tool
    from google.adk.events import event_actions
    from google.genai import types as genai

    kit = types.SimpleNamespace(**{k: v for m in (genai, openapi, auth_schemes, auth_credential, auth_tool, event_actions) for k, v in vars(m).items()})
    stored = {fixture["name"]: fixture["pickles"] for fixture in json.loads(gzip.decompress(FILE.read_bytes()))}
    same = others = 0
    for name, actions in cases(kit):
        for protocol, text in stored[name].items():
            data = base64.b64decode(text)
            if pickle.dumps(actions, int(protocol)) == data:
                same += 1
            else:
                others += 1
                print(f"differs: {name}, protocol {protocol}, equal values: {pickle.loads(data) == actions}")
    print(f"{same} pickles of the real classes are the same bytes, {others} are not")


main()
