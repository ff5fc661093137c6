"""A store in memory, so that a read costs no disk."""

from pathlib import Path

from tests.harness.fuzz.scratch import SCRATCH


class MemoryStore:
    """Objects in a dictionary; see `Store`."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = dict(objects)

    @property
    def root(self) -> str:
        return "/memory"

    def read(self, key: str) -> bytes:
        if key not in self.objects:
            raise FileNotFoundError(key)
        return self.objects[key]

    def write(self, key: str, data: bytes) -> None:
        self.objects[key] = data

    def write_if_absent(self, key: str, data: bytes) -> bool:
        return self.objects.setdefault(key, data) is data

    def upload(self, path: Path, key: str) -> None:
        self.objects[key] = path.read_bytes()

    def fetch(self, key: str) -> Path:
        path = SCRATCH / "object"
        path.write_bytes(self.read(key))
        return path

    def exists(self, key: str) -> bool:
        return key in self.objects

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def written(self, prefix: str) -> dict[str, float]:
        return dict.fromkeys(self.keys(prefix), 0.0)

    def folders(self, prefix: str) -> list[str]:
        below = (key.removeprefix(prefix) for key in self.keys(prefix))
        return sorted({key.partition("/")[0] for key in below if "/" in key})

    def locate(self, key: str) -> str:
        return f"{self.root}/{key}"
