"""Which words are a host, a port, a label's key and value, for `config kubernetes`."""

from __future__ import annotations

import click
import pytest

from config_kube.kubernetes.words import Host, LabelKey, LabelValue, Port

TAKEN = {
    Host: [
        *("10.0.0.1", "2001:db8::1", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"),
        *("kube", "api.kube.example.com", "KUBE-1.example", "1st.example", "3com", "a" * 63, ".".join(["a" * 63] * 3)),
    ],
    Port: ["1", "22", "65535"],
    LabelKey: ["rack", "a", "A.b_c-1", "example.com/site", "x" * 63, f"{'a' * 253}/b"],
    LabelValue: ["", "r12", "1", "A.b_c-1", "v" * 63],
}
REFUSED = {
    Host: [
        *("", " ", "10.0.0", "10.0.0.256", "10.0.0.01", "10.0.0.1:6443", "10.0.0.1/24", "1234", "a.1", "1.2.3.4.5"),
        *("2001:db8::1::2", "[::1]", "10.0.0.1%eth0", "fe80::1%", "fe80::1%a b", "::1%$(id)"),
        *("::1%" + "a" * 16, "::1%a\n"),
        *("-kube", "kube-", "kube.", ".kube", "a..b", "ku be", "kube\n", "kub\u00e9", "https://kube", "a_b", "a" * 64),
        *(".".join(["a" * 63] * 4) + ".a", "\u0661.0.0.1", "kube\x00", "a" * 100_000),
    ],
    Port: ["0", "65536", "70000", "-1", "+1", "6_443", "64.3", "0x10", "\u0661", "\u00b2", "", " 1", "1\n", "9" * 5000],
    LabelKey: [
        *("", "-a", "a-", "a b", "a=b", "a,b", "a\n", "/a", "a/", "a/b/c", "A.com/b", "a_b/c", "-x/b", "\u00e9"),
        *("a./b", "x" * 64, f"{'a' * 254}/b"),
    ],
    LabelValue: ["-a", "a-", ".", "a b", "a/b", "a\n", "\u00e9", "$(id)", "v" * 64],
}  # fmt: skip


@pytest.mark.parametrize("kind", TAKEN)
def test_taken_as_typed(kind):
    assert [kind().convert(word, None, None) for word in TAKEN[kind]] == TAKEN[kind]


@pytest.mark.parametrize(("kind", "word"), [(kind, word) for kind, words in REFUSED.items() for word in words])
def test_refused(kind, word):
    with pytest.raises(click.BadParameter) as refused:
        kind().convert(word, None, None)
    assert refused.value.message.startswith(repr(word))
