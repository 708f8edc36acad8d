"""Settings: arguments over environment over `turnout.toml` in the data directory over defaults.

A source of settings yields only what it sets; defaults come last, so that an unset variable never overrides
the file. An empty variable counts as unset.
"""

from __future__ import annotations

import math
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from turnout.delivery.proxy import PROXY_URL, Proxy, read_direct
from turnout.egress import parse_networks
from turnout.errors import InvalidInput

FILE = "turnout.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator may set; units are in the names.

    `both_allowed` puts the scopes `people` and `configure` on one principal; only the file can say so.
    """

    data: Path
    allow_addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    proxy: str = field(default="", repr=False)
    no_proxy: tuple[str, ...] = ()
    ca_file: str = ""
    retry_base_s: float | None = None
    retry_cap_s: float | None = None
    max_in_flight: int = 64
    batch_wait_ms: int = 20
    test_pool: int = 10
    trace_bytes: int = 2_000_000_000
    retention_days: int = 90
    log: str = "warning"
    both_allowed: bool = False
    allow_hosts: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    mcp_rate: int = 50
    hatch: tuple[str, ...] = ()


def _number(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return number

    return read


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        try:
            number = int(str(value))
        except ValueError:
            raise ValueError(f"a whole number from {low} to {high}") from None
        if not low <= number <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return number

    return read


def _level(value: object) -> str:
    if str(value).lower() not in LEVELS:
        raise ValueError(f"one of {', '.join(LEVELS)}")
    return str(value).lower()


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - one kind of error for every reader
    return value


def _listed(
    shape: re.Pattern[str], words: str, fold: Callable[[str], str] = str.casefold
) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        given = value if isinstance(value, list) else str(value).split(",")
        found = tuple(fold(str(each).strip()) for each in given if str(each).strip())
        if wrong := [each for each in found if not shape.fullmatch(each)]:
            raise ValueError(f"{words}, not {wrong[0][:60]!r}")
        return found

    return read


def _proxy(value: object) -> str:
    if not PROXY_URL.fullmatch(str(value)):
        raise ValueError("http://host:port or https://, as http://user:password@host:port with a user, %40 for an @")
    return str(value)


def _direct(value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list) else re.split(r"[,\s]+", str(value))
    found = tuple(str(each).strip() for each in given if str(each).strip())
    read_direct(found)
    return found


def _certificates(value: object) -> str:
    path = Path(str(value)).expanduser()
    try:
        found = CERTIFICATE in path.read_bytes()
    except OSError:
        found = False
    if not found:
        raise ValueError("a file with certificates in PEM that this user may read")
    return str(path.absolute())


CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
HOST = re.compile(r"[a-z0-9._-]+|\[?[0-9a-f:.]+\]?")
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
LEVELS = ("debug", "info", "warning", "error")
READERS: Mapping[str, Callable[[object], object]] = {
    "allow_addresses": lambda value: parse_networks(",".join(value) if isinstance(value, list) else str(value)),
    "proxy": _proxy,
    "no_proxy": _direct,
    "ca_file": _certificates,
    "retry_base_s": _number(0.001, 86_400),
    "retry_cap_s": _number(0.001, 86_400),
    "max_in_flight": _whole(1, 1024),
    "batch_wait_ms": _whole(0, 60_000),
    "test_pool": _whole(1, 1000),
    "trace_bytes": _whole(0, 1 << 50),
    "retention_days": _whole(1, 3650),
    "log": _level,
    "both_allowed": _flag,
    "allow_hosts": _listed(HOST, "names without port"),
    "allow_origins": _listed(ORIGIN, "scheme://host[:port], without a path"),
    "mcp_rate": _whole(1, 100_000),
    "hatch": _listed(MODULE, "names of modules in Python", str),
}
ONLY_FILE = frozenset({"both_allowed"})
PREFIX = "TURNOUT_"
NEAR = 0.8
"""How like a setting's name a variable's is that was meant as one."""


def load(data: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read all sources. Raises: InvalidInput, naming source and setting."""
    env = os.environ if environment is None else environment
    folder = directory(data, env)
    given = {**_file(folder / FILE), **_environment(env)}
    return Settings(data=folder, **given)  # type: ignore[arg-type]  # each value was read by its own reader


def proxy(settings: Settings) -> Proxy:
    """Give the proxy as the sender uses it."""
    return Proxy(settings.proxy, *read_direct(settings.no_proxy))


def told(settings: Settings) -> dict[str, object]:
    """Write what is set, but for the data directory, as `again` reads it in another process of ours."""
    plain = Settings(settings.data)
    found = {name: getattr(settings, name) for name in READERS if getattr(settings, name) != getattr(plain, name)}
    return {name: list(map(str, value)) if isinstance(value, tuple) else value for name, value in found.items()}


def again(data: Path, given: Mapping[str, object]) -> Settings:
    """Read what `told` wrote."""
    read = {name: _read(name, value, f"{name} of the server") for name, value in given.items()}
    return Settings(data=data, **read)  # type: ignore[arg-type]  # each value was read by its own reader


def environment() -> Mapping[str, str]:
    """Give what this process was started with: where programs of other people keep their files."""
    return os.environ


def data_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Give the user's data directory: never the current one, for clients start us anywhere."""
    env = os.environ if environment is None else environment
    home = Path(env.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "turnout"
    return Path(env.get("XDG_DATA_HOME") or home / ".local" / "share") / "turnout"


def cache_directory(environment: Mapping[str, str] | None = None) -> Path:
    """Give where what can be made again may be left."""
    env = os.environ if environment is None else environment
    home = Path(env.get("HOME") or Path.home())
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "turnout"
    return Path(env.get("XDG_CACHE_HOME") or home / ".cache") / "turnout"


def directory(data: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """Give the data directory: this one, else that of `TURNOUT_DATA`, else the user's. Reads no file.

    It is absolute: a program that goes to another directory keeps its workspace.
    """
    env = os.environ if environment is None else environment
    given = env.get("TURNOUT_DATA", "")
    if data is None and given and not given.startswith("$"):
        data = Path(given)
    return data_directory(env) if data is None else data.expanduser().absolute()


def early_level(environment: Mapping[str, str] | None = None) -> str:
    """Give from which level on to log before the settings are read, and where they cannot be: a bug may come first."""
    env = os.environ if environment is None else environment
    level = env.get("TURNOUT_LOG", "").lower()
    return level if level in LEVELS else Settings(Path()).log


def _environment(env: Mapping[str, str]) -> dict[str, object]:
    for key, value in env.items():
        if value and key.startswith(PREFIX):
            _require_known(key)
    names = [name for name in READERS if name not in ONLY_FILE]
    return {
        name: _read(name, env[key], f"the environment variable {key}")
        for name in names
        if env.get(key := f"{PREFIX}{name.upper()}")
    }


def _require_known(key: str) -> None:
    """Refuse a variable that was meant as a setting and is none; what is like no setting may be somebody else's."""
    name, there = key.removeprefix(PREFIX).lower(), [*READERS, "data"]
    if name in ONLY_FILE:
        raise InvalidInput(f"the environment variable {key} is not read: {name} is set in {FILE} alone")
    near = () if name in there else get_close_matches(name, there, 1, NEAR)
    if near:
        raise InvalidInput(f"the environment variable {key} is no setting; did you mean {PREFIX}{near[0].upper()}?")


def _file(path: Path) -> dict[str, object]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{FILE} in the data directory is not TOML ({error}); correct it") from None
    known = {field.name for field in fields(Settings)} - {"data"}
    if unknown := sorted(found.keys() - known):
        raise InvalidInput(
            f"{FILE} has {', '.join(unknown)}, which is no setting; there are {', '.join(sorted(known))}"
        )
    return {name: _read(name, value, f"{name} in {FILE}") for name, value in found.items()}


def _read(name: str, value: object, where: str) -> object:
    try:
        return READERS[name](value)
    except (ValueError, InvalidInput) as error:
        raise InvalidInput(f"{where} is not what was expected: {error}") from None
