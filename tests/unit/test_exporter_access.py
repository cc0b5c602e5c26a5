"""Who may ask the exporter: TLS, client certificates, users and rates, by a web configuration file."""

import base64
import re
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from ipvsfast.errors import InvalidValue
from ipvsfast.exporter import basic_auth
from ipvsfast.exporter.basic_auth import AuthBusy, BasicAuth
from ipvsfast.exporter.bcrypt_hash import hash_problem, password_fits
from ipvsfast.exporter.notes import Notes
from ipvsfast.exporter.webconfig import WebConfigFile, read_web_config
from support.certificates import ALICE, BOB, Certificates
from support.require import cannot_run
from support.serving import Running, Table, answer, everything, request, serving, until

TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key"
USERS = f"basic_auth_users:\n  alice: {ALICE}\n  bob: {BOB}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, a server and two clients."""
    found = Certificates(tmp_path_factory.mktemp("certificates"))
    found.sign("server", "IP:127.0.0.1,DNS:localhost")
    found.sign("prometheus", "DNS:prometheus.example,email:ops@example.org")
    found.sign("other", "DNS:other.example")
    return found


def config(made: Certificates, text: str) -> Path:
    """The file, beside the certificates."""
    path = made.folder / "web.yml"
    path.write_text(text)
    return path


def context(made: Certificates, client: str = "") -> ssl.SSLContext:
    """Of a client that trusts the authority, and that may have a certificate."""
    found = ssl.create_default_context(cafile=str(made.folder / "ca.pem"))
    if client:
        found.load_cert_chain(made.folder / f"{client}.pem", made.folder / f"{client}.key")
    return found


def over_tls(
    server: Running, kind: ssl.SSLContext, data: bytes = request("/-/healthy", "Connection: close")
) -> bytes:
    """What is answered."""
    with kind.wrap_socket(server.connect(), server_hostname="localhost") as end:
        end.sendall(data)
        return everything(end)


def basic(user: str, password: str) -> str:
    """The header."""
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_tls(made: Certificates) -> None:
    """The certificate is the one of the file, the version at least 1.2, and the text comes to its end."""
    with serving(Table(b"z" * 500_000), web=config(made, TLS + "}")) as server:
        kind = context(made)
        assert answer(over_tls(server, kind))[0] == 200
        body = answer(over_tls(server, kind, request("/metrics", "Connection: close")))[2]
        assert body.count(b"z") == 500_000
        assert over_tls(server, kind, b"GET /metrics HTTP/1.0\r\n\r\n").count(b"z") == 500_000
        with kind.wrap_socket(server.connect(), server_hostname="localhost") as end:
            assert end.version() == "TLSv1.3"


def test_plain_http_where_tls_is_served(made: Certificates) -> None:
    """It is told so, and so is the log; what is no TLS at all is not served either."""
    with serving(Table(), web=config(made, TLS + "}")) as server:
        status, _, body = answer(server.ask(request()))
        assert status == 400 and b"https" in body
        server.ask(b"\x80\x01garbage" * 10)
        until(lambda: len(server.said) == 2)
        assert all("no TLS" in line for line in server.said)
        assert answer(over_tls(server, context(made)))[0] == 200


def test_a_handshake_that_does_not_go_on(made: Certificates) -> None:
    """It is given up, and nobody waits for it."""
    with serving(Table(), web=config(made, TLS + "}"), head=0.3) as server, server.connect() as slow:
        slow.sendall(bytes.fromhex("1603010200"))
        assert answer(over_tls(server, context(made)))[0] == 200
        assert everything(slow) == b""
        server.until_said("TLS handshake")


@pytest.mark.parametrize(
    ("least", "most", "offered", "works"),
    [
        ("TLS12", "TLS13", ssl.TLSVersion.TLSv1_2, True),
        ("TLS13", "TLS13", ssl.TLSVersion.TLSv1_2, False),
        ("TLS13", "TLS13", ssl.TLSVersion.TLSv1_3, True),
        ("TLS12", "TLS12", ssl.TLSVersion.TLSv1_3, False),
    ],
)
def test_versions(made: Certificates, least: str, most: str, offered: ssl.TLSVersion, works: bool) -> None:
    """Those between min_version and max_version."""
    text = f"{TLS}, min_version: {least}, max_version: {most}" + "}"
    kind = context(made)
    kind.minimum_version = kind.maximum_version = offered
    with serving(Table(), web=config(made, text)) as server:
        if works:
            assert answer(over_tls(server, kind))[0] == 200
        else:
            with pytest.raises(ssl.SSLError):
                over_tls(server, kind)


def test_ciphers_and_curves(made: Certificates) -> None:
    """By the names that Go has for them."""
    text = (
        TLS
        + ", max_version: TLS12, cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384], curve_preferences: [CurveP384]}"
    )
    with serving(Table(), web=config(made, text)) as server:
        with context(made).wrap_socket(server.connect(), server_hostname="localhost") as end:
            assert end.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
        other = context(made)
        other.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        other.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            over_tls(server, other)


@pytest.mark.parametrize(
    ("kind", "sans", "client", "works"),
    [
        ("RequireAndVerifyClientCert", "", "prometheus", True),
        ("RequireAndVerifyClientCert", "", "", False),
        ("RequireAndVerifyClientCert", "", "stranger", False),
        ("VerifyClientCertIfGiven", "", "", True),
        ("VerifyClientCertIfGiven", "", "stranger", False),
        ("RequireAndVerifyClientCert", "[prometheus.example]", "prometheus", True),
        ("RequireAndVerifyClientCert", "[x, ops@example.org]", "prometheus", True),
        ("RequireAndVerifyClientCert", "[prometheus.example]", "other", False),
    ],
)
def test_client_certificates(
    made: Certificates, tmp_path: Path, kind: str, sans: str, client: str, works: bool
) -> None:
    """Of the authority, and with one of the allowed names where there are some; whoever has none is not served."""
    text = f"{TLS}, client_ca_file: ca.pem, client_auth_type: {kind}"
    path = config(made, text + (f", client_allowed_sans: {sans}" if sans else "") + "}")
    own = made
    if client == "stranger":
        own = Certificates(tmp_path)
        own.sign("stranger", "DNS:prometheus.example")
    trusting = context(made)
    if client:
        trusting.load_cert_chain(own.folder / f"{client}.pem", own.folder / f"{client}.key")
    with serving(Table(), web=path) as server:
        try:
            data = over_tls(server, trusting)
        except (ssl.SSLError, ConnectionError):
            data = b""
        assert bool(data) == works
        if not works:
            server.until_said("127.0.0.1:")


def test_certificates_in_the_file(made: Certificates) -> None:
    """Instead of the names of files."""

    def inline(name: str) -> str:
        return (made.folder / name).read_text().replace("\n", "\n    ")

    text = (
        f"tls_server_config:\n  cert: |\n    {inline('server.pem')}\n  key: |\n    {inline('server.key')}\n"
        f"  client_ca: |\n    {inline('ca.pem')}\n  client_auth_type: RequireAndVerifyClientCert\n"
    )
    with serving(Table(), web=config(made, text)) as server:
        assert answer(over_tls(server, context(made, "prometheus")))[0] == 200


def test_a_certificate_is_replaced(made: Certificates) -> None:
    """The next client gets the new one. A half of it, or a spoilt file, changes nothing; both are told."""
    path = config(made, TLS + "}")
    before = (made.folder / "server.pem").read_bytes(), (made.folder / "server.key").read_bytes()

    def seen(server: Running) -> bytes:
        with context(made).wrap_socket(server.connect(), server_hostname="localhost") as end:
            found = end.getpeercert(True)
            assert found
            return found

    with serving(Table(), web=path) as server:
        first = seen(server)
        with context(made).wrap_socket(server.connect(), server_hostname="localhost") as kept:
            kept.sendall(request("/-/healthy"))
            assert kept.recv(4096).startswith(b"HTTP/1.1 200")
            (made.folder / "server.pem").write_bytes((made.folder / "other.pem").read_bytes())
            assert seen(server) == first
            server.until_said("key values mismatch; what was read before stays in force")
            kept.sendall(request("/-/healthy"))
            assert kept.recv(4096).startswith(b"HTTP/1.1 200")
            made.sign("server", "DNS:localhost")
            assert seen(server) != first
            server.until_said("was read again")
            # Who came by the old rules has to come again.
            kept.sendall(request("/-/healthy"))
            assert kept.recv(4096) == b""
        path.write_text("tls_server_config: [")
        assert seen(server)
        server.until_said("this is no YAML")
        path.unlink()
        assert seen(server)
        server.until_said("No such file")
        path.write_text("{}")
        assert server.get("/-/healthy")[0] == 200  # now without TLS
    (made.folder / "server.pem").write_bytes(before[0])
    (made.folder / "server.key").write_bytes(before[1])


def test_users(made: Certificates) -> None:
    """Only they are answered, whatever they ask for."""
    with serving(Table(), web=config(made, USERS)) as server:
        for path in ("/", "/metrics", "/-/healthy", "/none"):
            for wrong in (
                (),
                (basic("alice", "hunter2"),),
                (basic("eve", "secret"),),
                ("Authorization: Basic !",),
            ):
                status, headers, body = server.get(path, *wrong)
                assert (status, headers["www-authenticate"]) == (401, 'Basic realm="ipvsfast exporter"')
                assert b"reading" not in body
            assert server.get(path, basic("alice", "secret"))[0] == (404 if path == "/none" else 200)
            assert server.get(path, basic("bob", "hunter2"))[0] == (404 if path == "/none" else 200)
        assert server.get("/metrics", "Authorization: Bearer " + "x" * 5000)[0] == 401
        assert not [line for line in server.said if "alice" in line or "hunter2" in line]


def test_users_change(made: Certificates) -> None:
    """Also for who is connected already."""
    path = config(made, USERS)
    with serving(Table(), web=path) as server, server.connect() as end:
        ask = request("/-/healthy", basic("alice", "secret"))
        for status in (b"200", b"401"):
            end.sendall(ask)
            assert end.recv(4096).startswith(b"HTTP/1.1 " + status)
            path.write_text(f"basic_auth_users:\n  bob: {BOB}\n")


def test_a_password_is_hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Right or wrong; who guesses does not drive out what is known of others. An unknown user costs the same."""
    hashed = []

    def counted(password: bytes, against: bytes) -> bool:
        hashed.append((password, against))
        return password_fits(password, against)

    monkeypatch.setattr(basic_auth, "password_fits", counted)
    monkeypatch.setattr(basic_auth, "MOST_REMEMBERED", 8)
    auth = BasicAuth({"alice": ALICE, "bob": BOB})
    header = basic("alice", "secret").partition(": ")[2]
    wrong = basic("eve", "secret").partition(": ")[2]
    for _ in range(3):
        assert auth.allows(header, 1.0)
        assert not auth.allows(wrong, 1.0)
    assert [password for password, _ in hashed] == [b"secret"] * 2
    assert {against.decode() for _, against in hashed} <= {ALICE, BOB}
    for number in range(20):
        assert not auth.allows(basic(f"eve{number}", "x").partition(": ")[2], 1.0)
    assert len(auth._misfit) == 8
    hashed.clear()
    assert auth.allows(header, 1.0)
    assert hashed == []
    stand_ins = set()
    for _ in range(3):
        auth._misfit.clear()
        auth.allows(wrong, 1.0)
        stand_ins.add(hashed[-1][1])
    assert len(stand_ins) == 1  # always the same, as the one of a user that there is


def test_guessing_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hashes at a time; whoever comes then is told after a while."""
    import threading

    gate, inside = threading.Event(), threading.Semaphore(0)

    def waits(password: bytes, against: bytes) -> bool:
        inside.release()
        gate.wait(60)
        return False

    monkeypatch.setattr(basic_auth, "password_fits", waits)
    auth = BasicAuth({"alice": ALICE})
    threads = [
        threading.Thread(target=auth.allows, args=(basic("a", str(n)).partition(": ")[2], 60.0))
        for n in (1, 2)
    ]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=60)
    with pytest.raises(AuthBusy):
        auth.allows(basic("a", "3").partition(": ")[2], 0.01)
    gate.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("password", "hashed", "fits"),
    [
        (b"secret", ALICE, True),
        (b"Secret", ALICE, False),
        (b"secret\0x", ALICE, False),
        (b"", ALICE, False),
        # From the test vectors that go round among implementations.
        (b"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", True),
        (b"U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", True),
        (b"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", True),
    ],
)
def test_bcrypt(password: bytes, hashed: str, fits: bool) -> None:
    """The system's library says what others say."""
    assert hash_problem(hashed) == ""
    assert password_fits(password, hashed.encode()) is fits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "$1$abc$def",
        "$5$abc$def",
        "$2b$03" + ALICE[6:],
        "$2b$31" + ALICE[6:],
        ALICE[:-1],
        ALICE + "x",
        "$2x" + ALICE[3:],
    ],
)
def test_what_is_no_hash(text: str) -> None:
    """Nor one that can be waited for."""
    assert hash_problem(text)


def test_a_rate(made: Certificates) -> None:
    """As many at once as `burst' has; one more after each interval."""
    with serving(Table(), web=config(made, "rate_limit: {interval: 1h, burst: 3}")) as server:
        assert [server.get("/-/healthy")[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    with serving(Table(), web=config(made, "rate_limit: {interval: 1ms, burst: 1}")) as server:
        assert server.get("/-/healthy")[0] == 200
        until(lambda: server.get("/-/healthy")[0] == 200)
    with serving(Table(), web=config(made, "rate_limit: {interval: 0, burst: 1}")) as server:
        assert [server.get("/-/healthy")[0] for _ in range(5)] == [200] * 5


def test_headers_of_every_answer(made: Certificates) -> None:
    """Errors too."""
    text = 'http_server_config: {headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=9, X-XSS-Protection: ""}}'
    with serving(Table(), web=config(made, text)) as server:
        for path in ("/", "/metrics", "/none"):
            headers = server.get(path)[1]
            assert (
                headers["x-frame-options"] == "deny" and headers["strict-transport-security"] == "max-age=9"
            )
            assert "x-xss-protection" not in headers
        assert b"X-Frame-Options" in server.ask(b"nonsense\r\n\r\n") or b"X-Frame-Options" in server.ask(
            b"NONSENSE\r\n\r\n"
        )


WRONG = [
    ("unknown: 1", ":1: the file: 'unknown' is not among tls_server_config, http_server_config,"),
    ("[]", ":1: the file is an object"),
    ("\n\ntls_server_config: [", ": this is no YAML"),
    ("tls_server_config: 5", "tls_server_config is an object"),
    ("tls_server_config:\n  cert_files: x", ":2: tls_server_config: 'cert_files' is not among cert,"),
    ("tls_server_config: {cert_file: none.pem, key_file: server.key}", "No such file"),
    ("tls_server_config: {cert_file: server.pem}", "either key or key_file has to be there"),
    ("tls_server_config: {cert_file: server.pem, cert: x, key_file: server.key}", "either cert or cert_file"),
    ("tls_server_config: {cert_file: server.pem, key_file: other.key}", "key values mismatch"),
    ("tls_server_config: {cert_file: server.key, key_file: server.key}", "cannot be used"),
    (TLS + ", min_version: TLS10}", "min_version is TLS12 or TLS13, not 'TLS10'"),
    (TLS + ", min_version: TLS13, max_version: TLS12}", "min_version is above max_version"),
    (TLS + ", min_version: 13}", "min_version is text"),
    (TLS + ", client_auth_type: RequireAnyClientCert}", "takes any certificate"),
    (TLS + ", client_auth_type: Sometimes}", "'Sometimes' is not among NoClientCert,"),
    (TLS + ", client_auth_type: RequireAndVerifyClientCert}", "either client_ca or client_ca_file"),
    (TLS + ", client_ca_file: ca.pem}", "client_ca_file needs a client_auth_type"),
    (TLS + ", client_ca_file: server.key, client_auth_type: VerifyClientCertIfGiven}", "client_ca_file cannot be used"),
    (TLS + ", client_ca_file: ca.pem, client_auth_type: VerifyClientCertIfGiven, client_allowed_sans: [x]}", "client_allowed_sans needs"),
    (TLS + ", client_allowed_sans: [5]}", "client_allowed_sans is a list of texts"),
    (TLS + ", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}", "is not among TLS_ECDHE_"),
    (TLS + ", curve_preferences: [CurveP256, X25519]}", "one of CurveP256,"),
    (TLS + ", prefer_server_cipher_suites: 1}", "is true or false"),
    ("http_server_config: {http3: true}", "'http3' is not among http2, headers"),
    ("http_server_config: {headers: {Server: x}}", "'Server' is not among Content-Security-Policy,"),
    ("http_server_config: {headers: {X-Frame-Options: allow}}", "deny or sameorigin"),
    ('http_server_config: {headers: {Content-Security-Policy: "a\\r\\nb"}}', "no header can have"),
    ("basic_auth_users: {alice: secret}", "alice: this is no bcrypt hash"),
    ("basic_auth_users: {alice: 5}", "alice: this is no bcrypt hash"),
    (f'basic_auth_users: {{"a:b": {ALICE}}}', "no name for a user"),
    (f"basic_auth_users:\n  a: {ALICE}\n  a: {BOB}", "'a' stands twice"),
    ("rate_limit: {interval: soon, burst: 1}", "not 'soon'"),
    ("rate_limit: {interval: 1s}", "burst is"),
    ("rate_limit: {interval: 1s, burst: true}", "burst is a whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG, ids=[str(at) for at in range(len(WRONG))])
def test_mistakes_in_the_file(made: Certificates, text: str, message: str) -> None:
    """What is wrong, and in which file."""
    path = config(made, text)
    with pytest.raises(InvalidValue, match=re.escape(message)) as raised:
        read_web_config(str(path))
    assert str(raised.value).startswith(str(path))


@pytest.mark.parametrize(
    "text", ["", "{}", "tls_server_config:\nbasic_auth_users: {}\nrate_limit: {}\n", "# nothing\n"]
)
def test_a_file_that_asks_for_nothing(made: Certificates, text: str) -> None:
    """Everybody is served."""
    found = read_web_config(str(config(made, text)))
    assert (found.tls, found.auth, found.rate, found.headers) == (None, None, None, {})


def test_http2_is_not_served(made: Certificates) -> None:
    """That is told where it is asked for."""
    said: list[str] = []
    WebConfigFile(str(config(made, "http_server_config: {http2: true}")), Notes(said.append))
    assert len(said) == 1 and said[0].endswith("http2 is asked for, and HTTP/1.1 is what is served")


def test_a_large_file(tmp_path: Path) -> None:
    """One that cannot be meant is not read."""
    path = tmp_path / "web.yml"
    path.write_bytes(b"#" * (2 << 20))
    with pytest.raises(InvalidValue, match="larger than"):
        read_web_config(str(path))
    path.write_bytes(b"\xff")
    with pytest.raises(InvalidValue, match="UTF-8"):
        read_web_config(str(path))


def test_curl(made: Certificates) -> None:
    """TLS, a client certificate, a user and compression at once, with the client that people have."""
    if shutil.which("curl") is None:
        cannot_run("curl is not installed")
    path = config(
        made, f"{TLS}, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}}\n{USERS}"
    )
    with serving(Table(), web=path) as server:
        argv = [
            "curl", "-sS", "--fail", "--cacert", "ca.pem", "--cert", "prometheus.pem", "--key", "prometheus.key",
            "-u", "alice:secret", "--compressed", f"https://127.0.0.1:{server.port}/metrics",
        ]  # fmt: skip
        done = subprocess.run(argv, cwd=made.folder, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, b"text\nreading 1\n"), done.stderr
        for left_out in (slice(9, 11), slice(5, 9)):
            fewer = argv.copy()
            del fewer[left_out]
            assert subprocess.run(
                fewer, cwd=made.folder, capture_output=True, timeout=60, check=False
            ).returncode


def test_the_log_knows_no_secrets(made: Certificates) -> None:
    """What a refused client sent is not in it."""
    with serving(Table(), web=config(made, USERS)) as server:
        server.get("/metrics", basic("carol", "geheim"))
        line = server.until_said("user or password is wrong")
        assert isinstance(line, str) and "carol" not in line and "geheim" not in line
        assert server.get("/metrics")[0] == 401
        assert len(server.said) == 1  # who sends nothing only asks what it takes


def test_a_socket_that_is_closed_at_once(made: Certificates) -> None:
    """Port scanners leave nothing behind."""
    with serving(Table(), web=config(made, TLS + "}")) as server:
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.port)):
                pass
        until(lambda: not server.server._clients)
        assert answer(over_tls(server, context(made)))[0] == 200
