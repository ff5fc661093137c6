"""`python -m tests.cluster.trial_node [keep|fail]`: a node without Argo, up until it is told to end."""

import sys
import time

from tests.cluster.binaries import built
from tests.cluster.cache import alone, cache_folder
from tests.cluster.node import Node
from tests.cluster.stop import record_kept

if __name__ == "__main__":
    how, cache = "".join(sys.argv[1:]), cache_folder()
    with alone(cache):
        node = Node(cache / "node", cache / "images", built(cache), keep=how == "keep")
        kept = False
        try:
            node.start_containerd()
            node.start()
            print("ready", flush=True)
            assert how != "fail", "as asked for"
            if how == "keep":
                record_kept(cache, node.namespaces)
                kept = True
            else:
                time.sleep(600)
        finally:
            node.let_go() if kept else node.stop()
