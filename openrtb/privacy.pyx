"""What the privacy signals of a request allow us to do with the person behind it: docs/privacy.md has the table.

Every signal that is raised leaves at most some use, by the exchange's policy (`domain.exchange.Privacy`), and the least
of them counts. What is there but cannot be read counts as a refusal.
"""

from libc.stdint cimport uint64_t
from cython_ext.json_cursor cimport Text
from openrtb.gpp cimport (
    LAST_US, MAY_USE, TCF_CANADA, TCF_EU, TCF_EU_V1, US_NATIONAL, US_PRIVACY_SECTION, Gpp, read_gpp, us_privacy, us_section,
)
from openrtb.request cimport COPPA, DNT, GDPR, GPC, GPP, LMT, US_PRIVACY, Request
from openrtb.tcf cimport Vendor, granted

USES = ("no_bid", "contextual", "full")
"""The words for them, by `Use`."""

cdef uint64_t EU_SECTIONS = (1 << TCF_EU_V1) | (1 << TCF_EU)
cdef uint64_t US_SECTIONS = (<uint64_t>1 << (LAST_US + 1)) - (<uint64_t>1 << US_PRIVACY_SECTION)
cdef uint64_t NO_LAW = (1 << 3) | (1 << 4)   # the header and the integrity section: no jurisdiction's


cdef Policy policy_of(object privacy) except *:
    cdef Policy policy
    words = {"no_bid": NO_BID, "contextual": CONTEXTUAL, "ignore": FULL}
    policy.coppa, policy.lmt, policy.dnt = words[privacy.coppa], words[privacy.lmt], words[privacy.dnt]
    policy.gdpr, policy.us = words[privacy.gdpr], words[privacy.us]
    return policy


cdef struct Refused:     # by what is written in strings
    bint eu, us, elsewhere


cdef inline bint covers_us(const Text *consent, Vendor vendor) noexcept nogil:
    return vendor.id > 0 and vendor.needed & ~granted(consent.start, consent.size, vendor) == 0


cdef void read_consents(Request r, Vendor vendor, Refused *refused) noexcept nogil:
    """GDPR, GPP and US privacy together: GPP may carry the strings of the other two.

    GDPR applies by its flag or by GPP's section; then every TC String that is given must cover us, and one must be given.
    A US section of GPP that applies and is missing is a refusal, but for section 6, which ``us_privacy`` may stand in for.
    """
    cdef Gpp gpp
    cdef bint readable = r.gpp.size > 0 and read_gpp(&r.gpp, &gpp)
    cdef uint64_t applies = r.gpp_sections, one, met = 0
    cdef int i, section
    cdef bint eu = (r.signals & GDPR) != 0, given = r.consent.size > 0
    if not r.gpp_sections_told and r.gpp.size:
        if not readable:
            refused.elsewhere = True   # whatever it says, it applies
        else:
            for i in range(gpp.count):
                applies |= <uint64_t>1 << (gpp.ids[i] if gpp.ids[i] < 64 else 0)
    applies &= ~NO_LAW
    eu = eu or (applies & EU_SECTIONS) != 0
    if readable:
        for i in range(gpp.count):
            section = gpp.ids[i]
            one = <uint64_t>1 << (section if section < 64 else 0)
            if gpp.sections[i].start is NULL:
                continue
            if section == TCF_EU and eu:
                given = True
                if not covers_us(&gpp.sections[i], vendor):
                    refused.eu = True
            if not applies & one:
                continue
            met |= one
            if section == US_PRIVACY_SECTION and us_privacy(&gpp.sections[i]) != MAY_USE:
                refused.us = True
            elif US_NATIONAL <= section <= LAST_US and us_section(section, &gpp.sections[i]) != MAY_USE:
                refused.us = True
    if eu and (not given or (r.consent.size and not covers_us(&r.consent, vendor))):
        refused.eu = True
    if r.us_privacy.size:
        met |= <uint64_t>1 << US_PRIVACY_SECTION
        if us_privacy(&r.us_privacy) != MAY_USE:
            refused.us = True
    if applies & US_SECTIONS & ~met:
        refused.us = True
    if applies & ~(EU_SECTIONS | US_SECTIONS):
        refused.elsewhere = True       # Canada's, and those that came after this was written


cdef Use allowed_use(Request r, const Policy *policy, Vendor vendor) noexcept nogil:
    """The most that may be done, under all signals together."""
    cdef Use use = FULL
    cdef Refused refused
    if r.signals & COPPA:
        use = min(use, policy.coppa)
    if r.signals & LMT:
        use = min(use, policy.lmt)
    if r.signals & DNT:
        use = min(use, policy.dnt)
    if r.signals & GPC:
        use = min(use, policy.us)
    if r.signals & (GDPR | US_PRIVACY | GPP):
        refused.eu = refused.us = refused.elsewhere = False
        read_consents(r, vendor, &refused)
        if refused.eu:
            use = min(use, policy.gdpr)
        if refused.us:
            use = min(use, policy.us)
        if refused.elsewhere:
            use = min(use, CONTEXTUAL)
    return use


def use_of(Request r not None, privacy, Vendor vendor not None):
    """The word for what a request may be used for, under an exchange's `domain.exchange.Privacy`."""
    cdef Policy policy = policy_of(privacy)
    return USES[<int>allowed_use(r, &policy, vendor)]


def raised(Request r not None, Vendor vendor not None):
    """Why a person is not to be used, for people: the signals that are raised, and what the strings refuse."""
    cdef Refused refused
    refused.eu = refused.us = refused.elsewhere = False
    read_consents(r, vendor, &refused)
    signals = ((COPPA, "coppa"), (LMT, "lmt"), (DNT, "dnt"), (GPC, "gpc"))
    found = [name for bit, name in signals if r.signals & bit]
    found += ["no TCF consent that covers us"] if refused.eu else []
    found += ["a US opt-out, or a US section that cannot be read"] if refused.us else []
    return found + (["a GPP section that is not decoded"] if refused.elsewhere else [])
