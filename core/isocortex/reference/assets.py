"""The page of public files that can be fetched by name."""

from __future__ import annotations

from isocortex.assets.asset import Asset
from isocortex.assets.catalogue import Catalogue
from isocortex.reference.markdown import inline, page, table
from isocortex.reference.site import Site


def asset_pages(site: Site) -> dict[str, str]:
    """The page ``assets.md``, when there are any."""
    offers = [
        offer for offer in Catalogue.of(site.manager).offers if site.only in (None, offer.plugin.origin)
    ]
    rows = (
        (
            f"`{o.asset.name}`",
            inline(o.asset.summary),
            _size(o.asset),
            inline(o.asset.licence),
            _page(o.asset),
        )
        for o in offers
    )
    listing = table(("name", "what", "size", "terms", "page"), rows)
    title = f"# Public files\n\n`isocortex fetch NAME` gets one; see {site.guide('fetching.md')}."
    return {"assets.md": page(title, listing)} if offers else {}


def _size(asset: Asset) -> str:
    if asset.size is None:
        return "in a package" if asset.package else "not published"
    amount, unit = asset.size / 1e6, "MB"
    return f"{amount / 1e3:.1f} GB" if amount >= 1000 else f"{amount:.1f} {unit}"


def _page(asset: Asset) -> str:
    return f"<{asset.page}>" if asset.page else ""
