"""Certificates and kubeconfig files of a cluster that lives for a day."""

import datetime
import ipaddress
from collections.abc import Sequence
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cluster.namespaces import API_SERVICE, GATEWAY, NODE

NODE_NAME = "node"
API = f"https://{NODE}:6443"
CLIENTS = {
    "administrator": ("system:masters", "administrator"),
    "controller-manager": ("", "system:kube-controller-manager"),
    "scheduler": ("", "system:kube-scheduler"),
    "kubelet": ("system:nodes", f"system:node:{NODE_NAME}"),
    "api-server-to-kubelet": ("system:masters", "api-server-to-kubelet"),
}
"""File → group and user, as Kubernetes reads them from a certificate."""

SERVERS = {
    "api-server": [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "localhost",
        API_SERVICE,
        "127.0.0.1",
        NODE,
    ],
    "kubelet-server": [NODE_NAME, NODE, GATEWAY],
}
"""File → names and addresses that the server answers to."""


def make_certificates(folder: Path) -> None:
    """Write an authority, the certificates above with their keys, and the key that signs accounts' tokens."""
    folder.mkdir()
    authority = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "labelcycle test cluster")])
    own = begun(name, name, authority.public_key())
    own = own.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    write(folder / "authority", authority, own.sign(authority, hashes.SHA256()))

    for file, (group, user) in CLIENTS.items():
        key = ec.generate_private_key(ec.SECP256R1())
        groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
        subject = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, user)])
        client = begun(subject, name, key.public_key())
        client = client.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        write(folder / file, key, client.sign(authority, hashes.SHA256()))
    for file, names in SERVERS.items():
        key = ec.generate_private_key(ec.SECP256R1())
        server = begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)]), name, key.public_key())
        server = server.add_extension(alternatives(names), critical=False)
        write(folder / file, key, server.sign(authority, hashes.SHA256()))
    write(folder / "accounts", ec.generate_private_key(ec.SECP256R1()), None)


def begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(
        now + datetime.timedelta(days=30)
    )


def alternatives(names: Sequence[str]) -> x509.SubjectAlternativeName:
    """Names as DNS names, addresses as addresses."""

    def general(name: str) -> x509.GeneralName:
        try:
            return x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            return x509.DNSName(name)

    return x509.SubjectAlternativeName([general(name) for name in names])


def write(path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate | None) -> None:
    """Write PATH.key, and PATH.crt, or PATH.pub where there is no certificate."""
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.with_suffix(".key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    path.with_suffix(".key").chmod(0o600)
    if certificate is not None:
        path.with_suffix(".crt").write_bytes(certificate.public_bytes(pem))
    else:
        public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        path.with_suffix(".pub").write_bytes(public)


def write_kubeconfig(file: Path, certificates: Path, user: str) -> None:
    """Write a kubeconfig file for one of the clients."""
    cluster = {"server": API, "certificate-authority": str(certificates / "authority.crt")}
    keys = {"client-certificate": str(certificates / f"{user}.crt"), "client-key": str(certificates / f"{user}.key")}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": user, "user": keys}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        "current-context": "test",
    }
    file.write_text(yaml.safe_dump(content))
    file.chmod(0o600)
