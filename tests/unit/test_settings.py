"""Settings: every key, from every origin, good and bad, and one sentence for each refusal."""

from __future__ import annotations

import itertools
from ipaddress import IPv4Network
from typing import Any, Dict, List, Mapping, Optional, Tuple

import pytest
from each import each
from hypothesis import given
from hypothesis import strategies as st

from container_net import settings
from container_net.model import BadInput
from container_net.settings import KEYS, Settings, load

# Where a value may come from, and how its name is written there.
ORIGINS = {"yaml": "net.{}", "environment": "INVOKE_NET_{}", "option": "--{}"}


def given_by(origin: str, key: str, value: object) -> Settings:
    if origin == "yaml":
        return load({key: value}, {}, {})
    if origin == "environment":
        return load(None, {"INVOKE_NET_" + key.upper(): str(value)}, {})
    return load(None, {}, {key: value})


def name_in(origin: str, key: str) -> str:
    written = {"environment": key.upper(), "option": key.replace("_", "-")}
    return ORIGINS[origin].format(written.get(origin, key))


def refusal(
    configured: object = None,
    environ: Optional[Mapping[str, str]] = None,
    options: Optional[Mapping[str, object]] = None,
) -> str:
    """The sentence with which `load` refuses: one line, fit for any screen, exit code 2."""
    with pytest.raises(BadInput) as caught:
        load(configured, environ or {}, options or {})
    assert caught.value.code == 2
    message = str(caught.value)
    assert message.isprintable()
    assert message.endswith(".")
    return message


def sentence(configured: object) -> str:
    """The refusal, empty where there is none."""
    try:
        load(configured, {}, {})
    except BadInput as error:
        return str(error)
    return ""


def nets(*texts: str) -> Tuple[IPv4Network, ...]:
    return tuple(IPv4Network(text) for text in texts)


# -- defaults and origins


def test_nothing_given_is_the_guides_own_case() -> None:
    assert load(None, {}, {}) == Settings()
    assert load({}, {}, {}) == Settings(
        subnets=(),
        uplinks=(),
        anchor="com.apple/250.container-net",
        image="nanoclaw-agent:latest",
        url="https://api.anthropic.com",
        expect=(404,),
        guard=True,
        force=False,
        sysroot=None,
        lang="en",
    )


def test_every_setting_has_a_parser_and_every_parser_a_setting() -> None:
    assert set(KEYS) == set(Settings.__dataclass_fields__)


GOOD: List[Tuple[str, str, object]] = [
    ("subnets", "192.168.65.0/24", nets("192.168.65.0/24")),
    ("subnets", "10.1.0.0/16, 10.2.0.0/16", nets("10.1.0.0/16", "10.2.0.0/16")),
    ("subnets", "10.1.0.0/16,10.1.0.0/16", nets("10.1.0.0/16")),
    ("subnets", "172.16.0.0/30", nets("172.16.0.0/30")),
    ("subnets", "10.0.0.0/8", nets("10.0.0.0/8")),
    ("subnets", "auto", ()),
    ("subnets", "", ()),
    ("uplinks", "en0", ("en0",)),
    ("uplinks", " en5 , utun3,en5", ("en5", "utun3")),
    ("uplinks", "auto", ()),
    ("uplinks", "", ()),
    ("anchor", "com.apple/250.container-net", "com.apple/250.container-net"),
    ("anchor", "com.apple/mine", "com.apple/mine"),
    ("anchor", "com.apple/-x", "com.apple/-x"),
    ("anchor", "com.apple/" + "a" * 63, "com.apple/" + "a" * 63),
    ("anchor", "com.apple/a_b", "com.apple/a_b"),
    (
        "anchor",
        "com.apple/250.ApplicationFirewall.container-net",
        "com.apple/250.ApplicationFirewall.container-net",
    ),
    ("image", "agent", "agent"),
    ("image", "reg.example:5000/a/b-c_d:v1.2", "reg.example:5000/a/b-c_d:v1.2"),
    ("image", "agent@sha256:0123abc", "agent@sha256:0123abc"),
    ("url", "http://10.0.0.1:8080/x", "http://10.0.0.1:8080/x"),
    ("url", "https://a.example/v1/x?y=1,2%20~z+", "https://a.example/v1/x?y=1,2%20~z+"),
    ("expect", "200", (200,)),
    ("expect", "200, 404,599", (200, 404, 599)),
    ("guard", "no", False),
    ("guard", "OFF", False),
    ("guard", "0", False),
    ("guard", "False", False),
    ("guard", "yes", True),
    ("guard", " On ", True),
    ("guard", "1", True),
    ("guard", "TRUE", True),
    ("force", "yes", True),
    ("force", "no", False),
    ("sysroot", "/tmp/a.b/c_d-e", "/tmp/a.b/c_d-e"),
    ("sysroot", "/tmp/x/", "/tmp/x"),
    ("sysroot", "", None),
    ("lang", "ko", "ko"),
    ("lang", "en", "en"),
]


@pytest.mark.parametrize("origin", sorted(ORIGINS))
def test_a_good_value_from_every_origin(origin: str) -> None:
    def check(row: Tuple[str, str, object]) -> None:
        key, text, value = row
        assert getattr(given_by(origin, key, text), key) == value

    each(((f"{row[0]} {row[1]!r}", row) for row in GOOD), check)


@pytest.mark.parametrize(
    ("key", "value", "parsed"),
    [
        ("subnets", ["10.1.0.0/16", "10.2.0.0/16"], nets("10.1.0.0/16", "10.2.0.0/16")),
        ("subnets", [], ()),
        ("subnets", ["auto"], ()),
        ("uplinks", ["en0", "en1"], ("en0", "en1")),
        ("uplinks", ("en0",), ("en0",)),
        ("expect", 404, (404,)),
        ("expect", [404, 200], (404, 200)),
        ("expect", ["404"], (404,)),
        ("guard", False, False),
        ("force", True, True),
    ],
)
def test_yaml_has_lists_numbers_and_booleans_of_its_own(
    key: str, value: object, parsed: object
) -> None:
    assert getattr(load({key: value}, {}, {}), key) == parsed


@pytest.mark.parametrize("key", KEYS)
def test_nothing_in_yaml_or_options_is_nothing_given(key: str) -> None:
    assert load({key: None}, {}, {key: None}) == Settings()


def test_an_option_wins_over_the_environment_and_that_over_yaml() -> None:
    yaml, environ, options = {"image": "a:1"}, {"INVOKE_NET_IMAGE": "b:2"}, {"image": "c:3"}
    assert load(yaml, environ, options).image == "c:3"
    assert load(yaml, environ, {}).image == "b:2"
    assert load(yaml, {}, {}).image == "a:1"


def test_only_the_value_that_counts_is_looked_at() -> None:
    assert load({"expect": "never"}, {"INVOKE_NET_EXPECT": "200"}, {}).expect == (200,)


def test_the_refusal_names_the_origin_that_won() -> None:
    message = refusal({"guard": "yes"}, {"INVOKE_NET_GUARD": "perhaps"})
    assert "INVOKE_NET_GUARD" in message
    assert "net.guard" not in message


def test_the_language_comes_from_the_locale_unless_it_is_given() -> None:
    assert load(None, {"LANG": "ko_KR.UTF-8"}, {}).lang == "ko"
    assert load(None, {"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, {}).lang == "en"
    assert load(None, {"LANG": "ko_KR.UTF-8"}, {"lang": "en"}).lang == "en"
    assert load(None, {"LANG": "de_DE.UTF-8", "INVOKE_NET_LANG": "ko"}, {}).lang == "ko"


# -- bad values

BAD: List[Tuple[str, str, str]] = [
    ("subnets", "192.168.64.1/24", "the network is 192.168.64.0/24"),
    ("subnets", "192.168.64.0", "IPv4 networks such as 192.168.64.0/24"),
    ("subnets", "fd00::/64", "IPv4 networks such as"),
    ("subnets", "192.168.64.0/33", "IPv4 networks such as"),
    ("subnets", "192.168.256.0/24", "IPv4 networks such as"),
    ("subnets", "everything", "IPv4 networks such as"),
    ("subnets", "10.1.0.0/16,,10.2.0.0/16", "IPv4 networks such as"),
    ("subnets", "10.1.0.0/16,auto", "IPv4 networks such as"),
    ("subnets", "8.8.8.0/24", "public addresses; use --force"),
    ("subnets", "10.0.0.0/7", "wider than /8; use --force"),
    ("subnets", "0.0.0.0/0", "wider than /8; use --force"),
    ("subnets", "127.0.0.0/16", "cannot use these"),
    ("subnets", "169.254.0.0/16", "cannot use these"),
    ("subnets", "224.0.0.0/8", "cannot use these"),
    ("subnets", "10.1.1.0/31", "too small for"),
    ("subnets", "10.1.1.1/32", "too small for"),
    ("subnets", "10.1.0.0/16,10.1.64.0/24", "overlaps another"),
    ("subnets", "10.1.64.0/24,10.1.0.0/16", "overlaps another"),
    ("uplinks", "en", "interface names such as en0"),
    ("uplinks", "EN0", "interface names such as en0"),
    ("uplinks", "0en", "interface names such as en0"),
    ("uplinks", "en0 en1", "interface names such as en0"),
    ("uplinks", "en0,", "interface names such as en0"),
    ("uplinks", "en0,auto", "interface names such as en0"),
    ("uplinks", "averylongnamethatisnone0", "interface names such as en0"),
    ("uplinks", "en0,bridge100", "never an uplink"),
    ("uplinks", "vmenet0", "never an uplink"),
    ("uplinks", "lo0", "never an uplink"),
    ("uplinks", "awdl0", "never an uplink"),
    ("uplinks", "llw0", "never an uplink"),
    ("uplinks", "ap1", "never an uplink"),
    ("anchor", "", "a direct child of com.apple/"),
    ("anchor", "com.apple", "a direct child of com.apple/"),
    ("anchor", "com.apple/", "a direct child of com.apple/"),
    ("anchor", "com.apple/a/b", "a direct child of com.apple/"),
    ("anchor", "com.apple/.", "a direct child of com.apple/"),
    ("anchor", "com.apple/..", "a direct child of com.apple/"),
    ("anchor", "com.apple/*", "a direct child of com.apple/"),
    ("anchor", "com.apple/_x", "a direct child of com.apple/"),
    ("anchor", "com.apple/" + "a" * 64, "a direct child of com.apple/"),
    ("anchor", "com.example/x", "a direct child of com.apple/"),
    ("anchor", "/com.apple/x", "a direct child of com.apple/"),
    ("anchor", "com.apple/200.AirDrop", "reserved for Apple"),
    ("anchor", "com.apple/250.ApplicationFirewall", "reserved for Apple"),
    ("anchor", "com.apple/com.apple.container", "reserved for Apple"),
    ("anchor", "com.apple/250.com.apple.container-net", "reserved for Apple"),
    ("anchor", "com.apple/com.apple.internet-sharing", "reserved for Apple"),
    ("anchor", "com.apple/com.apple", "reserved for Apple"),
    ("anchor", "com.apple/Com.Apple", "reserved for Apple"),
    ("anchor", "com.apple.container", "a direct child of com.apple/"),
    ("image", "", "an image such as"),
    ("image", "-rm", "an image such as"),
    ("image", "a b", "an image such as"),
    ("image", "a" * 256, "an image such as"),
    ("url", "", "http or https"),
    ("url", "ftp://a.example", "http or https"),
    ("url", "a.example", "http or https"),
    ("url", "https://", "http or https"),
    ("url", "https://-o", "http or https"),
    ("url", "https://a.example/ x", "http or https"),
    ("url", "https://a.example:123456", "http or https"),
    ("url", "https://a.example/" + "x" * 2000, "http or https"),
    ("expect", "", "an HTTP status such as 404"),
    ("expect", "auto", "an HTTP status such as 404"),
    ("expect", "404.0", "an HTTP status such as 404"),
    ("expect", "99", "an HTTP status such as 404"),
    ("expect", "600", "an HTTP status such as 404"),
    ("expect", "200,", "an HTTP status such as 404"),
    ("expect", "-200", "an HTTP status such as 404"),
    ("guard", "", "yes or no"),
    ("guard", "maybe", "yes or no"),
    ("guard", "2", "yes or no"),
    ("force", "ja", "yes or no"),
    ("sysroot", "relative/x", "an absolute path"),
    ("sysroot", "/", "an absolute path"),
    ("sysroot", "/tmp/../etc", "an absolute path"),
    ("sysroot", "/tmp/..", "an absolute path"),
    ("sysroot", "/tmp/한글", "an absolute path"),
    ("sysroot", "~/mac", "an absolute path"),
    ("lang", "", "en or ko"),
    ("lang", "de", "en or ko"),
    ("lang", "KO", "en or ko"),
]


@pytest.mark.parametrize("origin", sorted(ORIGINS))
def test_a_bad_value_is_named_as_its_writer_wrote_it(origin: str) -> None:
    rows = ((f"{row[0]} {row[1]!r}", row) for row in BAD)
    each(rows, lambda row: _is_named(origin, *row))


def _is_named(origin: str, key: str, text: str, right: str) -> None:
    arguments: Dict[str, Any] = {
        "yaml": {"configured": {key: text}},
        "environment": {"environ": {"INVOKE_NET_" + key.upper(): text}},
        "option": {"options": {key: text}},
    }
    message = refusal(**arguments[origin])
    assert message.startswith(name_in(origin, key) + ' is "')
    shown = message.split('"')[1].removesuffix("...")
    # Of several values the one that will not do is shown; a long one is cut.
    assert shown in text
    assert shown or not text or "," in text
    assert right in message.split('"', 2)[2]


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("subnets", 7, '"7"'),
        ("subnets", {"a": 1}, "a"),
        ("subnets", ["10.1.0.0/16", 7], '"7"'),
        ("uplinks", True, '"True"'),
        ("uplinks", [["en0"]], "en0"),
        ("anchor", 250, '"250"'),
        ("image", ["a"], "a"),
        ("url", 443, '"443"'),
        ("expect", True, '"True"'),
        ("expect", [True], '"True"'),
        ("expect", 404.0, '"404.0"'),
        ("expect", [], '"[]"'),
        ("expect", 12, '"12"'),
        ("guard", 1, '"1"'),
        ("guard", [], '"[]"'),
        ("sysroot", 5, '"5"'),
        ("lang", ["en"], "en"),
    ],
)
def test_a_wrong_type_in_yaml_is_one_sentence(key: str, value: object, shown: str) -> None:
    message = refusal({key: value})
    assert message.startswith(f"net.{key} is ")
    assert shown in message


@pytest.mark.parametrize("configured", [7, 1.5, True, False, "en0", [], ["image"], ()])
def test_net_itself_must_be_a_mapping(configured: object) -> None:
    message = refusal(configured)
    assert message.startswith("net (invoke.yaml) is ")
    assert str(configured) in message
    assert "net: {image: ...}" in message


# A value of each setting that would do, were it not for the character put into it.
WOULD_DO = {
    "subnets": "192.168.65.0/24",
    "uplinks": "en0",
    "anchor": "com.apple/250.container-net",
    "image": "nanoclaw-agent:latest",
    "url": "https://api.example.com/v1",
    "expect": "404",
    "guard": "yes",
    "fence": "yes",
    "fence_allow": "192.168.64.1:3001",
    "force": "no",
    "sysroot": "/tmp/mac",
    "lang": "en",
}
STRIPPED = ("subnets", "uplinks", "expect", "guard", "fence", "fence_allow", "force")
SHELL = [";", "$( )", "$(", ")", "\n", '"', "'", "`", "&", "|", "\\", "<", ">", "\x00", "\x1b[0m"]


@pytest.mark.parametrize("key", KEYS)
def test_no_shell_syntax_gets_in(key: str) -> None:
    rows = itertools.product(sorted(ORIGINS), SHELL)
    each(((f"{row[0]} {row[1]!r}", row) for row in rows), lambda row: _stays_out(key, *row))


def _stays_out(key: str, origin: str, text: str) -> None:
    good = WOULD_DO[key]
    assert given_by(origin, key, good)
    half = len(good) - 1
    arguments = {"yaml": 0, "environment": 1, "option": 2}
    for value in (good[:half] + text + good[half:], good + text + "x", text + good):
        # White space around the words of a list, and around yes and no, says nothing.
        if value.strip() == good and key in STRIPPED:
            continue
        places: List[Any] = [None, {}, {}]
        name = "INVOKE_NET_" + key.upper() if origin == "environment" else key
        places[arguments[origin]] = {name: value}
        message = refusal(*places)
        assert message.startswith(name_in(origin, key) + " is ")
        shown = "".join(c if c.isprintable() else "?" for c in value)
        word = "".join(c if c.isprintable() else "?" for c in value.strip())
        assert f' is "{shown}": ' in message or f' is "{word}": ' in message


@pytest.mark.parametrize("key", ["anchor", "image", "url", "sysroot", "lang"])
def test_a_newline_at_the_end_is_refused_too(key: str) -> None:
    refusal({key: WOULD_DO[key] + "\n"})


def test_a_long_value_is_cut() -> None:
    message = refusal({"image": " " * 500})
    assert len(message) < 250
    assert '..."' in message


@given(key=st.sampled_from(KEYS), value=st.text(alphabet=st.characters()))
def test_any_text_is_taken_or_refused_in_one_sentence(key: str, value: str) -> None:
    message = sentence({key: value})
    assert message.isprintable()
    assert not message or message.startswith(f"net.{key} is ")


TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates()),
    lambda children: st.one_of(
        st.lists(children, max_size=3),
        st.dictionaries(st.one_of(st.sampled_from(KEYS), st.integers(), st.text()), children),
    ),
    max_leaves=8,
)


@given(st.one_of(TREES, st.dictionaries(st.sampled_from(KEYS), TREES)))
def test_any_yaml_is_taken_or_refused_in_one_sentence(configured: object) -> None:
    assert sentence(configured).isprintable()


# -- unknown names


@pytest.mark.parametrize("key", ["subnet", "Subnets", "", "sub\nnets", 1, True, None, ("a",)])
def test_an_unknown_setting_in_yaml_is_named(key: object) -> None:
    message = refusal({key: "x"})
    assert message.startswith("unknown setting net." + str(key).replace("\n", "?") + ";")
    for known in KEYS:
        assert known in message


@pytest.mark.parametrize("rest", ["SUBNET", "SUBNETS_", "", "A\nB"])
def test_an_unknown_variable_is_named(rest: str) -> None:
    message = refusal(None, {"INVOKE_NET_" + rest: "x"})
    assert message.startswith("unknown setting INVOKE_NET_" + rest.replace("\n", "?") + ";")
    assert "INVOKE_NET_SUBNETS, INVOKE_NET_UPLINKS" in message


def test_other_variables_are_none_of_our_business() -> None:
    assert load(None, {"INVOKE_NETWORK": "x", "INVOKE_RUN_PTY": "1", "NET_GUARD": "x"}, {}) == (
        Settings()
    )


# -- what --force takes


@pytest.mark.parametrize("value", ["8.8.8.0/24", "10.0.0.0/7", "0.0.0.0/0"])
@pytest.mark.parametrize(
    ("configured", "environ", "options"),
    [
        ({"force": True}, {}, {}),
        ({}, {"INVOKE_NET_FORCE": "yes"}, {}),
        ({}, {}, {"force": True}),
    ],
)
def test_force_takes_public_and_wide_subnets(
    value: str, configured: object, environ: Mapping[str, str], options: Mapping[str, object]
) -> None:
    made = load(configured, environ, {**options, "subnets": value})
    assert made.subnets == nets(value)


@pytest.mark.parametrize("value", ["127.0.0.0/16", "224.0.0.0/8", "10.1.1.0/31", "10.1.1.1/24"])
def test_force_does_not_take_what_cannot_work(value: str) -> None:
    refusal(options={"force": True, "subnets": value})


def test_a_wrong_force_is_said_before_the_subnet() -> None:
    assert refusal(options={"force": "perhaps", "subnets": "8.8.8.0/24"}).startswith("--force is")


@given(st.ip_addresses(v=4), st.integers(8, 30))
def test_private_networks_without_host_bits_are_taken_and_no_others(
    address: Any, length: int
) -> None:
    network = IPv4Network((int(address), length), strict=False)
    unfit = network.is_multicast or any(
        network.subnet_of(IPv4Network(n))
        for n in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "240.0.0.0/4")
    )
    private = network.is_private or network.subnet_of(IPv4Network("100.64.0.0/10"))
    try:
        taken = settings.parse_subnets("subnets", str(network), False)
    except BadInput:
        assert unfit or not private
    else:
        assert taken == (network,)
        assert private
        assert not unfit


# -- uplinks as ranges, and the fence


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("utun0-utun2", ("utun0", "utun1", "utun2")),
        ("utun0-2, en0", ("utun0", "utun1", "utun2", "en0")),
        ("en0,en0-en1", ("en0", "en1")),
        ("bridge0, ipsec0, ppp0, utun3", ("bridge0", "ipsec0", "ppp0", "utun3")),
    ],
)
def test_uplinks_may_be_ranges(text: str, names: Tuple[str, ...]) -> None:
    assert load({"uplinks": text}, {}, {}).uplinks == names


@pytest.mark.parametrize(
    "text", ["lo0", "awdl0", "bridge100", "bridge98-bridge100", "en2-en0", "en0-utun3", "en0-en900"]
)
def test_what_is_no_uplink_is_refused_in_ranges_too(text: str) -> None:
    refusal({"uplinks": text})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("192.168.64.1:3001", ["192.168.64.1:3001"]),
        ("10.1.0.0/16", ["10.1.0.0/16"]),
        ("10.1.0.0/16:443, 10.1.0.7", ["10.1.0.0/16:443", "10.1.0.7"]),
        ("auto", []),
    ],
)
def test_what_the_fence_lets_through_is_read_and_shown_alike(text: str, shown: List[str]) -> None:
    found = load({"fence_allow": text}, {}, {})
    assert found.fence is True
    assert found.fence_allow is not None
    assert [str(each) for each in found.fence_allow] == shown


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0/0", "10.0.0.0/7", "10.1.0.1/16", "10.1.0.1:0", "10.1.0.1:65536", "10.1.0.1:", "x:80",
     "10.1.0.1:²", "fd00::1", "10.1.0.1:80:81"],
)  # fmt: skip
def test_what_would_open_the_fence_or_is_no_address_is_refused(text: str) -> None:
    refusal({"fence_allow": text})
