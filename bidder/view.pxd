from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libcpp.unordered_map cimport unordered_map
from libcpp.string cimport string
from libcpp.vector cimport vector

from bidder.brands cimport Brands
from bidder.markups cimport Markups
from bidder.natives cimport Natives
from bidder.pricing.strategy cimport Terms
from bidder.seller cimport Seller

from targeting.sellers cimport seller_key

cdef struct Cap:
    uint32_t scope         # of the record: which counter
    uint32_t id            # what it counts: of its level; of an audience its place in View.audience_lines
    int32_t level          # level, of targeting.holds
    int32_t unit           # place in domain.frequency.UNITS: whose record
    uint32_t impressions
    uint32_t seconds

cdef enum SupplyFact:    # what is known of a request's sellers; a line item needs some of these
    MAX_HOPS = 1         # of no fact: stands for Line.max_hops where needs are gathered
    NOT_UNAUTHORISED = 2
    AUTHORISED = 4
    IS_DIRECT = 8
    CHAIN_NOT_BROKEN = 16
    CHAIN_WHOLE = 32
    NOT_MISSING = 64
    IS_LISTED = 128

cdef enum Prediction:    # what a line item wants to be told of an impression
    CTR = 1
    CVR = 2

cdef struct BlockScope:  # whom a block list is for; all 0: the whole house
    uint32_t agency, advertiser, campaign

cdef inline uint64_t blocked_bundle(uint64_t bundle) noexcept nogil:
    return bundle ^ 0xB1 if bundle else 0

cdef inline uint64_t blocked_publisher(uint64_t exchange, uint64_t account) noexcept nogil:
    return seller_key(exchange, account)

cdef inline uint64_t blocked_node(uint64_t system, uint64_t seller) noexcept nogil:
    return seller_key(system, seller) ^ 0xB2 if system else 0

cdef struct Slot:                   # an ad of a line item
    int32_t ad                      # place in View.ads
    int32_t next                    # the line item's next ad of the same size bit: place in View.slots; -1: there is none

cdef struct Line:
    int64_t start_ns, end_ns        # flight
    uint64_t size_mask              # of all its creatives: openrtb.request.size_bit of banners' sizes, or format_bit
    int32_t slots                   # place in View.slots: one for each bit of size_mask, in their order
    uint32_t id, campaign, advertiser, agency
    int32_t caps, n_caps            # slice of View.caps
    uint32_t units                  # of those caps, a bit each
    uint32_t supply_needs           # of SupplyFact
    int32_t max_hops                # of the supply chain; 0: any number
    int32_t deals, n_deals          # slice of View.deals
    bint deals_only                 # it buys through them and not in the open auction
    int interstitials               # place in domain.campaign.INTERSTITIALS
    int roadblock                   # place in domain.campaign.ROADBLOCKS
    bint separate_categories        # not beside others' ads for the same
    int one_per_pod                 # place in domain.campaign.ONE_PER_POD
    int32_t pod_slot                # 0: any; 1: the first of a pod only; -1: the last
    int32_t rivals, n_rivals        # slice of View.rivals: not beside these advertisers' ads
    int32_t lease                   # slot in the worker's Leases
    uint32_t predictions            # of Prediction: what its price is made of
    bint special                    # its campaign is in a special category: nothing protected may decide
    int strategy                    # place in domain.strategy.STRATEGIES; 0: a fixed CPM
    void *compute                   # its bidder.pricing.strategy.Strategy, which lives for ever; NULL: a fixed CPM
    bint computes                   # a fixed CPM that has multipliers, or a cap above it:
    double bid                      # it, account nanos with fees
    Terms terms                     # what the strategy is asked with
    double explore                  # share of what is bid that may go to prices that are drawn
    int32_t factors, n_factors      # slice of View.factors
    int32_t risk                    # place in View.risks; -1: whoever it is

cdef struct Risk:                   # what a line item asks of the person (domain.worth.RiskRules)
    uint32_t facts                  # of bidder.facts.Fact: what it is about
    uint32_t limits                 # of these, what can keep it from bidding
    bint refuses                    # what is not known does, too
    int32_t max_fraud, max_device_risk, min_credit_score
    double max_pd
    int32_t steps, n_steps          # slice of View.score_steps

cdef struct ScoreStep:              # a multiplier where a score is in a range
    int score                       # place in domain.worth.SCORE_NAMES
    double least, below, by

cdef struct Factor:                 # a bid multiplier
    int32_t when                    # place of its expression in View.multiplier_index
    double by

cdef struct DealRow:
    uint64_t code
    uint32_t id
    uint32_t exchange

cdef struct Rendition:              # a file of a video or audio ad
    uint32_t mime                   # bit of openrtb.request.MIMES
    uint64_t deliveries             # bit n of AdCOM's list "Delivery Methods"; 0: not known
    int32_t kbps, width, height     # 0: not known

cdef struct AsideAd:                # a companion, an image
    uint32_t size
    uint32_t mime                   # bit of openrtb.request.MIMES

cdef struct Ad:
    uint32_t id
    int32_t format                  # place in domain.creative.FORMATS
    int32_t variants, n_variants    # slice of Markups.variants; of VAST the oldest version first
    int32_t usual                   # of them, for players that do not say what they read
    int32_t renditions, n_renditions  # slice of View.renditions
    int32_t asides, n_asides        # slice of View.asides
    int asides_required             # place in domain.creative.COMPANIONS_REQUIRED
    int64_t length_ms
    uint64_t inner                  # bit n: the third party's VAST within is in protocol n; 0: there is none
    uint64_t apis                   # bit n: cannot do without API framework n
    uint64_t expansions             # bit n: expands in direction n
    int32_t brand                   # place in Brands.rows
    uint64_t tongue                 # name id of its language; 0: nobody said which
    uint64_t bundle                 # name id of the app that it advertises; 0: none
    uint32_t size
    uint64_t attributes             # bit n: has attribute n
    uint32_t mime                   # bit of openrtb.request.MIMES
    uint32_t type                   # bit n: is of banner ad type n
    int32_t caps, n_caps            # slice of View.caps
    uint32_t units                  # of those caps, a bit each
    bint secure

cdef struct Price:
    int64_t bid                     # CPM micros of the exchange's currency; 0: no rate, so no bid
    int64_t rate                    # account nanos for 10⁹ exchange nanos
    int64_t share_ppm, flat         # fees: millionths of the media, account nanos an impression
    uint32_t rate_id
    uint32_t terms                  # domain.campaign.FeeTerms

cdef class View:
    cdef readonly object snapshot
    cdef readonly dict sellers              # by the exchange's key
    cdef readonly dict routes               # the same by URL path, as bytes
    cdef readonly list line_items           # domain.campaign.LineItem, in the order of ``lines``
    cdef readonly list creatives            # domain.creative.Creative, in the order of ``ads``
    cdef readonly object index
    cdef readonly object suppressions       # bidder.suppression.Suppression by campaign id
    cdef readonly bint suppressing          # is there any?
    cdef readonly bint supply_rules         # does any line item have one?
    cdef readonly list block_lists          # domain.campaign.BlockList, in the order of ``block_scopes``
    cdef dict block_entries                 # what is blocked, in words, by its id
    cdef unordered_map[uint64_t, vector[int32_t]] blocked   # places of the lists that it is on
    cdef vector[BlockScope] block_scopes
    cdef readonly bint separating, roadblocking  # does any line item keep rivals away, or bid for all or nothing?
    cdef vector[Line] lines
    cdef vector[Ad] ads
    cdef vector[Slot] slots
    cdef vector[Cap] caps
    cdef readonly uint32_t predictions      # of all line items (Prediction)
    cdef vector[Factor] factors
    cdef readonly uint32_t facts            # of the person, that any line item asks for (bidder.facts.Fact)
    cdef vector[Risk] risks
    cdef vector[ScoreStep] score_steps
    cdef readonly object multiplier_index   # targeting.index.TargetingIndex of the expressions of multipliers
    cdef dict whens                         # their places there, by expression
    cdef uint64_t multiplier_wanted         # dimensions, as of Matcher.wanted
    cdef readonly bint capping              # does anything have a frequency cap?
    cdef readonly uint32_t units            # of all caps, a bit each
    cdef readonly list cap_texts            # in words, in the order of ``caps``
    cdef list capped_audiences              # domain.campaign.Audience
    cdef vector[vector[uint32_t]] audience_lines  # ids of the line items that target each of these; they ascend
    cdef dict audience_places               # the audience's id -> its place there
    cdef bint targets(self, uint32_t audience, uint32_t line_item) noexcept nogil
    cdef vector[DealRow] deals
    cdef readonly Brands brands
    cdef vector[uint32_t] rivals            # advertisers
    cdef vector[Price] prices               # [seller.place * line_room + line]
    cdef size_t line_room, ad_room          # so many lines and ads fit before a view is to be compiled anew
    cdef readonly dict places               # of line items, by id
    cdef readonly dict ad_places            # of creatives, by id
    cdef readonly size_t first_later        # line items from this place on came by changes, highest bid or not
    cdef readonly object gone               # places of line items that changes took out
    cdef vector[Rendition] renditions
    cdef vector[AsideAd] asides
    cdef readonly Markups markups
    cdef readonly Natives natives
    cdef vector[string] landings            # an ad's landing URL as it is, bound by the click's MAC
    cdef vector[string] click_queries       # and as the click URL's query, percent-encoded
    cdef vector[string] tails               # an ad's part of the bid that is the same in every bid
    cdef vector[string] escaped_queries     # click_queries percent-encoded once more, and twice more, two an ad
    cdef vector[uint8_t] cleared            # [seller.place * ad_room + ad]: may it be shown there?
    cdef dict judged                        # (creative, exchange) -> domain.exchange.Approval
    cdef int _add_strategy(self, Line *row, object item) except -1
    cdef int _add_risk(self, Line *row, object item) except -1
    cdef str why_not_cleared(self, Seller seller, int32_t ad)
    cdef int _add_media(self, Ad *row, object creative, object advertiser) except -1

cdef inline Price *price_of(View view, Seller seller, int32_t line) noexcept nogil:
    """What a line item bids there, and how it is converted."""
    return view.prices.data() + <size_t>seller.place * view.line_room + <size_t>line
