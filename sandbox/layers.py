"""The engine's data folder with the root and feature images in it, kept in the cache as a template.

A sandbox gets the layers as hard links (nobody writes to a layer) and the engine's own small files as copies: less than
a second, where importing the root and building the images takes fifteen.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from sandbox import cache, features, images, rootfs
from sandbox.engine import Engine
from sandbox.processes import SandboxError, run

DATA = "data"
LAYERS = "overlay2"
REGISTRY = "registry"


def key() -> str:
    """Hash of all that decides the images."""
    names = (features.IMAGES, features.PUBLISHED, features.KUBE_ONLY)
    versions = (images.VERSION, images.PUBLISHED, images.start_seconds(), *names)
    digest = hashlib.sha256(f"{rootfs.recipe()} {versions}".encode())
    for path in sorted(images.FOLDER.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(images.FOLDER)} {path.stat().st_mode}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def template() -> Path:
    """Where the template of the present recipe is, or would be."""
    return cache.folder() / f"engine-{key()}"


def restore(base: Path) -> bool:
    """Fill the folders of an engine's data and of the registry before their first start; False when the cache has no
    template yet."""
    with rootfs.exclusive(cache.folder() / "engine.lock"):
        if not template().exists():
            return False
        copy(template() / DATA, base / DATA)
        copy(template() / REGISTRY, base / REGISTRY, linked=True)
    return True


def make(engine: Engine) -> None:
    """Make the images in an engine that has none, and keep its data folder as the template. Restarts the engine."""
    images.import_root(engine, rootfs.archive())
    images.build_features(engine)
    images.publish(engine, engine.base / REGISTRY)
    engine.stop()
    with rootfs.exclusive(cache.folder() / "engine.lock"):
        for old in cache.folder().glob("engine-*"):
            shutil.rmtree(old)
        partial = cache.folder() / "engine-partial"
        partial.mkdir()
        copy(engine.base / DATA, partial / DATA)
        copy(engine.base / REGISTRY, partial / REGISTRY, linked=True)
        partial.rename(template())
    engine.start()


def copy(source: Path, target: Path, linked: bool = False) -> None:
    """Copy a data folder of a stopped engine; layers (`linked`: everything) as hard links where both are on one file
    system."""
    target.mkdir(mode=0o710)
    for entry in sorted(source.iterdir()):
        if linked or entry.name == LAYERS:
            try:
                run(["cp", "-al", str(entry), str(target)], timeout=120)
                continue
            except SandboxError:  # another file system
                shutil.rmtree(target / entry.name, ignore_errors=True)
        run(["cp", "-a", str(entry), str(target)], timeout=300)
