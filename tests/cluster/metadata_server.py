"""`python -m tests.cluster.metadata_server ADDRESS`: ML Metadata's own library behind gRPC, for Kubeflow's drivers.

It keeps everything in memory. The library reads and writes serialised messages, so nothing here knows what they say. It
runs with the packages `ml-metadata` and `grpcio` alone: the library's extension is loaded without its package, which
would want another version of protobuf than ours.
"""

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

EXTENSION = "metadata_store_extension"
IN_MEMORY = b"\x1a\x00"
"""A serialised ConnectionConfig: its field `sqlite`, with no file."""


def library() -> ModuleType:
    """The functions of the library, from the first folder of the path that has them."""
    place = Path("ml_metadata", "metadata_store", "pywrap", f"{EXTENSION}.so")
    found = next(file for file in (Path(folder) / place for folder in sys.path) if file.exists())
    spec = importlib.util.spec_from_file_location(EXTENSION, found)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded.metadata_store  # type: ignore[no-any-return]


def serve(address: str) -> None:
    """Serve until the process is ended, one request after another."""
    import grpc

    functions = library()
    store = functions.CreateMetadataStore(IN_MEMORY, b"")
    codes = {code.value[0]: code for code in grpc.StatusCode}

    class Calls(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, call: Any) -> Any:
            function = getattr(functions, call.method.rpartition("/")[2], None)
            if function is None:
                return None

            def answer(request: bytes, context: Any) -> bytes:
                response, message, code = function(store, request)
                if code:
                    context.abort(codes[code], message.decode() if isinstance(message, bytes) else message)
                return bytes(response)

            return grpc.unary_unary_rpc_method_handler(answer)

    server = grpc.server(ThreadPoolExecutor(1), handlers=[Calls()])
    assert server.add_insecure_port(address), f"{address} is in use"
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    serve(sys.argv[1])
