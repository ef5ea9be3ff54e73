"""From the root tar to images in an engine: the root imported once, feature and switch images made by COPY alone."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import features
from sandbox.engine import Engine
from sandbox.kube.registry import Registry
from sandbox.processes import SandboxError

FOLDER = Path(__file__).with_name("images")
HOST = Path(__file__).with_name("host")
ROOT = "sonic-root:latest"
SWITCH = "sonic-switch:latest"
VERSION = "20260601.1"
"""IMAGE_VERSION of the feature images on the switch."""
PIP = "pip --quiet --no-cache-dir --disable-pip-version-check"
INSTALL = f"{PIP} install --no-index --break-system-packages --root-user-action=ignore --find-links"
"""Then a folder and our package: the folder's wheel, and no network."""
BARE = "sonic-switch:bare"
"""The switch before anything of ours is installed."""
PUBLISHED = ("20260701.1", "20260801.1")
"""IMAGE_VERSIONs of the images in the registry, which the switch has to pull."""

START_SECONDS = 3.0
"""What a feature container spends before its supervisord starts; SANDBOX_START_SECONDS says otherwise."""


def start_seconds() -> float:
    """Seconds before a feature container's supervisord starts, in the images to be built. SandboxError: no number."""
    setting = os.environ.get("SANDBOX_START_SECONDS", "")
    try:
        seconds = float(setting or START_SECONDS)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 3600:
        raise SandboxError(f"SANDBOX_START_SECONDS is not a number of seconds: {setting}")
    return seconds


def feature_image(name: str) -> str:
    """Image of a feature's local container."""
    return f"docker-{name}:latest"


def published(name: str, version: str) -> str:
    """Name and tag of a feature's image in the registry."""
    return f"docker-{name}:{version}"


def import_root(engine: Engine, tar: Path) -> None:
    """Make the root image from the tar."""
    with tar.open("rb") as stream:
        engine.docker("import", "-", ROOT, stdin=stream, timeout=300)


def build_features(engine: Engine) -> None:
    """Build all feature images."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(build_feature, engine, name) for name in features.IMAGES]:
            done.result()


def publish(engine: Engine, storage: Path) -> None:
    """Fill a registry's folder with the images of PUBLISHED. The engine keeps their layers, not their names."""
    registry = Registry(engine, storage)
    registry.start()
    for name in (*features.PUBLISHED, *features.KUBE_ONLY):
        for version in PUBLISHED:
            build_feature(engine, name, version, "publish")
            registry.push("publish", published(name, version))
    engine.docker("rmi", "publish")
    registry.process.kill("TERM")


def build_feature(engine: Engine, name: str, version: str = VERSION, tag: str | None = None) -> None:
    """Build one feature image; another `version` and `tag` make a second version of it."""
    dockerfile = FOLDER / (features.IMAGES | features.KUBE_ONLY)[name] / "Dockerfile"
    arguments = ["--build-arg", f"FEATURE={name}", "--build-arg", f"IMAGE_VERSION={version}"]
    if "START_SECONDS" in dockerfile.read_text():
        arguments += ["--build-arg", f"START_SECONDS={start_seconds():g}"]
    engine.docker(
        *("build", "--quiet", "--network", "none", "-f", str(dockerfile), "-t", tag or feature_image(name)),
        *(*arguments, str(FOLDER)),
        timeout=120,
    )


def build_switch(engine: Engine, wheels: Path, config_db: str, restart_sec: int | None, zone: str = "UTC") -> None:
    """Build the switch's image: host files, then our wheel as README says.

    `config_db` is the text of config_db.json; `restart_sec` (seconds) replaces RestartSec of the features' units;
    `zone` is its time zone.
    """
    context = engine.base / "context"
    render_host(context / "root", config_db, restart_sec, zone)
    (context / "Dockerfile").write_text(
        f'FROM {ROOT}\nCOPY root/ /\nENV LC_ALL=C.UTF-8\nCMD ["/lib/systemd/systemd"]\n'
    )
    engine.docker("build", "--quiet", "--network", "none", "-t", BARE, str(context), timeout=120)
    engine.docker(
        *("run", "--name", "install", "--net", "none", "-v", f"{wheels}:/wheels:ro", BARE),
        *("sh", "-c", f"{INSTALL} /wheels sonic-system-service && system host install --kubernetes"),
        timeout=120,
    )
    engine.docker("commit", "--change", 'CMD ["/lib/systemd/systemd"]', "install", SWITCH)
    engine.docker("rm", "install")


def render_host(root: Path, config_db: str, restart_sec: int | None, zone: str = "UTC") -> None:
    """Write the files of the virtual switch below `root`: those of host/, and one script and drop-in per unit."""
    shutil.copytree(HOST, root, ignore=shutil.ignore_patterns("feature.sh", "__pycache__"))
    template = (HOST / "feature.sh").read_text()
    units = root / "etc/systemd/system"
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(parents=True)
    for name in features.UNITS:
        script = root / "usr/local/bin" / f"{name}.sh"
        text = template.replace("@NAME@", name).replace("@IMAGE@", feature_image(name))
        script.write_text(text.replace("@OPTIONS@", features.CREATE_OPTIONS.get(name, "")))
        script.chmod(0o755)
        if name in features.BOOTED:
            (wanted / f"{name}.service").symlink_to(f"/usr/lib/systemd/system/{name}.service")
        if restart_sec is not None:
            dropin = units / f"{name}.service.d/sandbox.conf"
            dropin.parent.mkdir()
            dropin.write_text(f"[Service]\nRestartSec={restart_sec}\n")
    (root / "etc/sonic").mkdir()
    (root / "etc/localtime").symlink_to(f"/usr/share/zoneinfo/{zone}")
    (root / "etc/sonic/config_db.json").write_text(config_db)
