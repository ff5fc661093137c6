"""The report of a cycle as an object that notebooks show."""

from dataclasses import dataclass

from labelcycle.pipelines.api.html import page_in_frame


@dataclass(frozen=True)
class CampaignReport:
    """The page of a cycle.

    Attributes:
        address: where it is: a path or an `s3://` URI.
        page: the page itself, HTML with its figures inside.
    """

    address: str
    page: str

    def __repr__(self) -> str:
        return f"<CampaignReport {self.address}>"

    def _repr_html_(self) -> str:
        return page_in_frame(self.page, f"Report {self.address}")
