"""Files that set up containerd, its network and the kubelet."""

import json
from pathlib import Path

import yaml

from tests.cluster import cgroups
from tests.cluster.namespaces import BRIDGE, GATEWAY, PODS

PAUSE_IMAGE = "localhost/pause:test"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
"""In the node's own /run, where the path is short enough for a socket wherever the cache lies."""


def write_configuration(folder: Path, images: Path) -> None:
    """Write them.

    Args:
        folder: the node's folder.
        images: containerd's root, which outlives the node.
    """
    (folder / "containerd.toml").write_text(containerd(folder, images))
    (folder / "cni").mkdir()
    (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(bridge()))
    # Nobody answers names, and saying so at once is quicker than silence.
    (folder / "resolv.conf").write_text(f"nameserver {GATEWAY}\n")
    (folder / "kubelet.yaml").write_text(yaml.safe_dump(kubelet(folder)))


def containerd(folder: Path, images: Path) -> str:
    """Version 2 of containerd's configuration, for Debian's 1.6."""
    return f"""version = 2
root = "{images}"
state = "/run/containerd/state"

[grpc]
  address = "{CONTAINERD_SOCKET}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder / "cni"}"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


def bridge() -> dict[str, object]:
    """The network of pods: addresses on one bridge, and a way out over it."""
    addresses = {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}]}
    plugin = {"type": "bridge", "bridge": BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [plugin]}


def kubelet(folder: Path) -> dict[str, object]:
    """The kubelet's configuration: a cgroup of its own, and no images removed for want of disk."""
    keys = folder / "certificates"
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroups.NAME}",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys / "authority.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(keys / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(keys / "kubelet-server.key"),
        "resolvConf": str(folder / "resolv.conf"),
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "evictionHard": {"imagefs.available": "1%", "nodefs.available": "1%", "memory.available": "100Mi"},
        "evictionPressureTransitionPeriod": "5s",
        "imageGCHighThresholdPercent": 100,
        "imageMaximumGCAge": "0s",
        "volumePluginDir": str(folder / "volume-plugins"),
    }
