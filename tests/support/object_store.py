"""A real object store on this machine, and faults in front of it."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

BUCKET = "films"


@pytest.fixture(scope="session")
def object_server() -> Iterator[str]:
    """Start a server that speaks S3 and has one bucket; return its address."""
    server_module = pytest.importorskip("moto.server", reason="moto and flask are not installed: no object store to test with")
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    pytest.importorskip("s3fs", reason="the extra storage is not installed")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=address, **keys)
    client.create_bucket(Bucket=BUCKET)
    client.close()
    yield address
    server.stop()


@pytest.fixture
def object_keys(object_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name the server in the environment, also for child processes; return its address."""
    for name, value in (
        ("AWS_ENDPOINT_URL", object_server), ("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"), ("AWS_CONFIG_FILE", ""), ("AWS_SHARED_CREDENTIALS_FILE", ""),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    return object_server


class Faulty:
    """A file system of fsspec whose calls fail in turn as `faults` say.

    Each is an error to raise instead, `"lost"` to do nothing and say that it was done, `"unanswered"` to do it and then fail;
    None lets a call pass. `ignores_conditions` is a store that replaces what a put must not.
    """

    def __init__(self, files: Any, *faults: object, ignores_conditions: bool = False) -> None:
        self._files = files
        self.faults = list(faults)
        self._ignores = ignores_conditions
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        work = getattr(self._files, name)

        def called(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self._ignores:
                options.pop("mode", None)
            fault = self.faults.pop(0) if self.faults else None
            if isinstance(fault, Exception):
                raise fault
            found = None if fault == "lost" else work(*arguments, **options)
            if fault == "unanswered":
                raise TimeoutError("no answer")
            return found

        return called
