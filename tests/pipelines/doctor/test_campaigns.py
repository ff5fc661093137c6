"""What a campaign that is there asks of the cluster: files that pods can read, and the labelling tool's token."""

from collections.abc import Callable

from tests.conftest import Bench
from tests.pipelines.doctor.conftest import Doctor
from tests.pipelines.doctor.installed import NAMESPACE, secret
from tests.pipelines.doctor.kubernetes_server import Cluster

ARGO = ("--engine", "argo")
TOKEN = f"/api/v1/namespaces/{NAMESPACE}/secrets/labelcycle-labelling"


def test_files_of_this_machine(
    doctor: Doctor, cluster: Cluster, begin_on_images: Callable[..., Bench], s3_root: str
) -> None:
    begin_on_images(s3_root)
    report = doctor(s3_root, *ARGO)
    assert report.code == 1
    assert "which pods in a cluster cannot read" in report.trouble()["store: campaign"]
    assert doctor(s3_root).code == 0, "the local engine reads them"


def test_the_token_of_a_labelling_tool(
    doctor: Doctor, cluster: Cluster, begin_on_images: Callable[..., Bench], s3_root: str
) -> None:
    begin_on_images(
        s3_root, labels_from=None, label_studio="https://labels.example-company.io", image_server="http://images"
    )
    missing = doctor(s3_root, *ARGO)
    assert "https://labels.example-company.io" in missing.trouble()["pods: labelling secret"]
    assert missing.trouble()["pods: labelling secret"].startswith("fail: ")
    cluster.objects[TOKEN] = secret("labelcycle-labelling", "LABEL_STUDIO_TOKEN")
    assert doctor(s3_root, *ARGO).statuses["pods: labelling secret"] == "pass"
    cluster.objects[TOKEN] = secret("labelcycle-labelling", "token")
    assert "no LABEL_STUDIO_TOKEN" in doctor(s3_root, *ARGO).trouble()["pods: labelling secret"]


def test_the_addresses_where_people_are_told(
    doctor: Doctor, cluster: Cluster, begin: Callable[..., Bench], s3_root: str
) -> None:
    mails = {"to": "ann@example.org", "sender": "al@example.org", "host": "smtp.example.org", "user": "al"}
    begin(s3_root, notify={"webhook": True, "email": mails})
    place = f"/api/v1/namespaces/{NAMESPACE}/secrets/labelcycle-notification"
    missing = doctor(s3_root, *ARGO).trouble()["pods: notification secret"]
    assert missing.startswith("warn: ")
    assert "lacks LABELCYCLE_WEBHOOK_URL, LABELCYCLE_SMTP_PASSWORD: people are not told" in missing
    cluster.objects[place] = secret("labelcycle-notification", "LABELCYCLE_WEBHOOK_URL")
    missing = doctor(s3_root, *ARGO).trouble()["pods: notification secret"]
    assert "lacks LABELCYCLE_SMTP_PASSWORD: people are not told" in missing
    cluster.objects[place] = secret("labelcycle-notification", "LABELCYCLE_WEBHOOK_URL", "LABELCYCLE_SMTP_PASSWORD")
    assert doctor(s3_root, *ARGO).statuses["pods: notification secret"] == "pass"
