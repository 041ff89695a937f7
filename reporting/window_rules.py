"""What campaigns say of attribution, as it was published."""

from domain.attribution import Attribution, Rules, resolved
from domain.campaign import Snapshot


def rules_of(snapshot: Snapshot) -> dict[int, Rules]:
    """By campaign. One that says nothing goes by what its advertiser says, and that by the default, field by field."""
    owners = {advertiser.id: advertiser.attribution for advertiser in snapshot.advertisers}
    return {
        campaign.id: resolved((campaign.attribution, owners.get(campaign.advertiser, Attribution())))
        for campaign in snapshot.campaigns
    }
