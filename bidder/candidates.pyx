"""What is left of an auction's candidates; one object a worker, used again for every request."""

from bidder.facts cimport BLACK, CREDIT_SCORE, DEVICE_RISK, FRAUD, LISTED, P_APPROVED, PD, Facts


cdef class Candidates:

    def __init__(self):
        self.measures, self.context = Measures(), Context()
        self.context.forget()
        self.keep_reasons = False
        self.person.known = 0
        self.reasons = []

    def clear(self):
        """Before an auction."""
        self.rows.clear()
        self.chosen.clear()
        self.held.clear()
        self.bids.clear()
        self.all_or_none = self.cut_short = self.too_little = False
        self.model = self.shadow_model = 0
        self.person.known = 0
        if self.keep_reasons:
            self.reasons = []

    cdef int out(self, str stage, int line, int ad, int imp, str why) except -1:
        """Notes who went out and why, if anybody asked."""
        self.reasons.append((stage, line, ad, imp, why))
        return 0

    def __len__(self):
        return self.rows.size()

    def bid_ids(self):
        """Of what is chosen, if a fleet was told of it (`bidder.fleet_holds`)."""
        return set(self.bids)

    def known_facts(self):
        """What is known of the person's risk and credit, for people and tests."""
        cdef Facts *of = &self.person
        told = {}
        if of.known & FRAUD:
            told["fraud"] = of.fraud
        if of.known & DEVICE_RISK:
            told["device_risk"] = of.device_risk
        if of.known & LISTED:
            told["listed"] = of.known & BLACK != 0
        if of.known & CREDIT_SCORE:
            told["credit_score"] = of.credit_score
        if of.known & PD:
            told["pd"] = of.pd
        if of.known & P_APPROVED:
            told["p_approved"] = of.p_approved
        return told

    def chosen_rows(self):
        """What will be bid, for people and tests: dicts of places and prices (CPM micros of the exchange's currency)."""
        return [dict(row) for row in self.chosen]
