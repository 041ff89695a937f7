"""What is known of a person's risk and credit, and whom line items do not want.

The facts are scores in the person's profile, tables and lists that this process maps into its memory, or what the risk and
credit services told of the person before the request was decided (`bidder.waiting_room`): by mode, each of the two by
itself. Nobody looks where no line item that is left asks, nor where the person may not be used.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.math cimport isfinite, rint
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from bidder.candidates cimport Candidate, Candidates, keep
from bidder.facts cimport BLACK, CREDIT_SCORE, DEVICE_RISK, FRAUD, LISTED, OF_CREDIT, OF_RISK, P_APPROVED, PD, Facts
from bidder.view cimport Line, Risk, View
from cython_ext.key_table cimport KeyTable
from openrtb.person_ids cimport id_key
from openrtb.request cimport Request
from targeting.record cimport Score, score

from domain.person import score_id
from domain.worth import LEAST_CREDIT, MOST_CREDIT, MOST_RISK, PPM, PROFILE_SCORES, SCORE_NAMES, Fact
from openrtb.nobid import NoBidReason

assert SCORE_NAMES == ("fraud", "device_risk", "credit_score", "pd", "p_approved"), "score_of has them in this order"
assert (Fact.FRAUD, Fact.DEVICE_RISK, Fact.LISTED, Fact.BLACK) == (FRAUD, DEVICE_RISK, LISTED, BLACK)
assert (Fact.CREDIT_SCORE, Fact.PD, Fact.P_APPROVED) == (CREDIT_SCORE, PD, P_APPROVED)

OFF, PROFILE, IN_PROCESS, REMOTE = MODES = ("off", "profile", "in_process", "remote")

cdef int FRAUD_RISK = NoBidReason.FRAUD_RISK
cdef int IS_LISTED = NoBidReason.LISTED
cdef int CREDIT_RISK = NoBidReason.CREDIT_RISK
cdef uint32_t IDS[5]
IDS[:] = [score_id(PROFILE_SCORES[name]) for name in SCORE_NAMES]
cdef int32_t LEAST[5]
LEAST[:] = [0, 0, LEAST_CREDIT, 0, 0]
cdef int32_t MOST[5]
MOST[:] = [MOST_RISK, MOST_RISK, MOST_CREDIT, PPM, PPM]
cdef enum:
    RISK_ROW = 12     # u16 fraud, u16 device risk, u16 flags, u16 nothing, u32 when
    CREDIT_ROW = 16   # u16 score, u16 nothing, f32 PD, f32 P(approved), u32 when
    BLACKLISTED = 1   # of the flags
    NO_SCORE = 0xFFFF


cdef class Worth:

    def __init__(self, str risk="profile", str credit="profile"):
        for mode in (risk, credit):
            if mode not in MODES:
                raise ValueError(f"{mode!r}: a mode is one of {', '.join(MODES)}")
        self.risk, self.credit = risk, credit
        self.told_risk = self.told_credit = None
        self.black_tables, self.changed, self.addresses = (), {}, {}

    @property
    def remote(self) -> int:
        """The facts that services are to be asked for."""
        return (OF_RISK if self.risk == REMOTE else 0) | (OF_CREDIT if self.credit == REMOTE else 0)

    def use_risk(self, KeyTable people):
        """From here on this is what ``in_process`` looks into; None: there is none."""
        if people is not None and people.width < RISK_ROW:
            raise ValueError(f"{people.path}: rows of {people.width} bytes are not those of a table of risk")
        self.risk_people = people

    def use_lists(self, lists):
        """The same of lists; to be called again when they change."""
        self.lists = lists
        self.black_tables, self.changed, self.addresses = lists.tables, lists.changed, lists.addresses

    def use_credit(self, KeyTable people):
        if people is not None and people.width < CREDIT_ROW:
            raise ValueError(f"{people.path}: rows of {people.width} bytes are not those of a table of credit")
        self.credit_people = people

    def tell(self, risk, credit):
        """What services told of the person of the request that is decided next: (facts that are known, fraud, device risk)
        and (facts that are known, credit score, PD, P(approved)); None: nothing.
        """
        self.told_risk, self.told_credit = risk, credit

    cdef int learn(self, Candidates c, Request r, uint32_t wanted) except -1:
        cdef Facts *facts = &c.person
        facts.known = 0
        if not r.personal:
            return 0
        if wanted & OF_RISK:
            if self.risk == REMOTE:
                if self.told_risk is not None:
                    facts.known |= <uint32_t>self.told_risk[0]
                    facts.fraud, facts.device_risk = self.told_risk[1], self.told_risk[2]
            elif self.risk == PROFILE:
                read_profile(facts, r, 0, 2)
            elif self.risk == IN_PROCESS:
                self.look_up_risk(facts, r, wanted)
        if wanted & OF_CREDIT:
            if self.credit == REMOTE:
                if self.told_credit is not None:
                    facts.known |= <uint32_t>self.told_credit[0]
                    facts.credit_score = self.told_credit[1]
                    facts.pd, facts.p_approved = self.told_credit[2], self.told_credit[3]
            elif self.credit == PROFILE:
                read_profile(facts, r, 2, 5)
            elif self.credit == IN_PROCESS and self.credit_people is not None:
                read_credit(facts, row_of(self.credit_people, r))
        return 0

    cdef int look_up_risk(self, Facts *facts, Request r, uint32_t wanted) except -1:
        cdef size_t i
        if self.risk_people is not None:
            read_risk(facts, row_of(self.risk_people, r))
        if self.lists is not None and wanted & LISTED:
            # They know more than the table's flag does: changes since, exceptions of an institution, addresses.
            facts.known = (facts.known & ~<uint32_t>BLACK) | LISTED
            if self.may_be_black(r):
                keys = [id_key(r, i) for i in range(r.ids.size())]
                if r.person and r.person not in keys:
                    keys.append(r.person)
                if self.lists.is_black(keys, r.address, r.now_ns // 1_000_000_000):
                    facts.known |= BLACK
        return 0

    cdef bint may_be_black(self, Request r) except -1:
        """Nearly nobody is on a list: who is in no table of black ones, was not changed since and has an address that no
        list names needs no closer look.
        """
        cdef KeyTable table
        cdef uint64_t key
        cdef size_t i
        for table in self.black_tables:
            if r.person and table.find(r.person) >= 0:
                return True
            for i in range(r.ids.size()):
                key = id_key(r, i)
                if key != r.person and table.find(key) >= 0:
                    return True
        if self.changed:
            if r.person in self.changed:
                return True
            for i in range(r.ids.size()):
                if id_key(r, i) in self.changed:
                    return True
        return r.address is not None and r.address and self.addresses[r.address]


cdef const unsigned char *row_of(KeyTable table, Request r) noexcept nogil:
    """What a table has of the person, under any of their keys; NULL: nothing."""
    cdef size_t i
    cdef Py_ssize_t row = table.find(r.person) if r.person else -1
    for i in range(r.ids.size()):
        if row >= 0:
            break
        row = table.find(id_key(r, i))
    return table.payload(row) if row >= 0 else NULL


cdef void read_risk(Facts *facts, const unsigned char *row) noexcept nogil:
    cdef uint16_t numbers[3]
    if row is NULL:
        return
    memcpy(numbers, row, 6)
    if numbers[0] <= 1000:
        facts.fraud = numbers[0]
        facts.known |= FRAUD
    if numbers[1] <= 1000:
        facts.device_risk = numbers[1]
        facts.known |= DEVICE_RISK
    facts.known |= LISTED | (BLACK if numbers[2] & BLACKLISTED else 0)


cdef void read_credit(Facts *facts, const unsigned char *row) noexcept nogil:
    """Whatever the file says, what is not possible is not known. Probabilities are whole millionths everywhere else, and
    so they are here: 7 % in 32 bits is above a limit of 7 %.
    """
    cdef uint16_t points
    cdef float odds[2]
    if row is NULL:
        return
    memcpy(&points, row, 2)
    memcpy(odds, row + 4, 8)
    if 300 <= points <= 900:
        facts.credit_score = points
        facts.known |= CREDIT_SCORE
    if isfinite(odds[0]) and 0.0 <= odds[0] <= 1.0:
        facts.pd = rint(odds[0] * 1e6) / 1e6
        facts.known |= PD
    if isfinite(odds[1]) and 0.0 <= odds[1] <= 1.0:
        facts.p_approved = rint(odds[1] * 1e6) / 1e6
        facts.known |= P_APPROVED


cdef int read_profile(Facts *facts, Request r, int first, int last) except -1:
    """Scores of the person's record, by their places in SCORE_NAMES."""
    cdef const uint8_t *data
    cdef Score found
    cdef int i
    if r.record is None:
        return 0
    data = <const uint8_t *>PyBytes_AS_STRING(r.record)
    for i in range(first, last):
        if not score(data, PyBytes_GET_SIZE(r.record), IDS[i], &found) or not LEAST[i] <= found.value <= MOST[i]:
            continue
        if i == 0:
            facts.fraud = found.value
            facts.known |= FRAUD
        elif i == 1:
            facts.device_risk = found.value
            facts.known |= DEVICE_RISK
        elif i == 2:
            facts.credit_score = found.value
            facts.known |= CREDIT_SCORE
        elif i == 3:
            facts.pd = found.value / 1e6
            facts.known |= PD
        else:
            facts.p_approved = found.value / 1e6
            facts.known |= P_APPROVED
    return 0


cdef int refusal(const Risk *risk, const Facts *facts) noexcept nogil:
    """The fact that keeps a line item from bidding for this person; 0: none does. Lists go first, credit last."""
    cdef uint32_t unknown = risk.limits & ~facts.known if risk.refuses else 0
    if risk.limits & LISTED and (facts.known & BLACK or unknown & LISTED):
        return LISTED
    if risk.limits & FRAUD and (unknown & FRAUD or (facts.known & FRAUD and facts.fraud > risk.max_fraud)):
        return FRAUD
    if risk.limits & DEVICE_RISK and (
        unknown & DEVICE_RISK or (facts.known & DEVICE_RISK and facts.device_risk > risk.max_device_risk)
    ):
        return DEVICE_RISK
    if risk.limits & CREDIT_SCORE and (
        unknown & CREDIT_SCORE or (facts.known & CREDIT_SCORE and facts.credit_score < risk.min_credit_score)
    ):
        return CREDIT_SCORE
    if risk.limits & PD and (unknown & PD or (facts.known & PD and facts.pd > risk.max_pd)):
        return PD
    return 0


cdef str in_words(int fact, const Risk *risk, const Facts *facts):
    if not facts.known & fact:
        return f"{Fact(fact).name.lower().replace('_', ' ')}: it is not known, and the line item wants to know"
    if fact == LISTED:
        return "an id of the person, or the address, is on a black list"
    if fact == FRAUD:
        return f"the fraud score, {facts.fraud}, is above {risk.max_fraud}"
    if fact == DEVICE_RISK:
        return f"the device risk, {facts.device_risk}, is above {risk.max_device_risk}"
    if fact == CREDIT_SCORE:
        return f"the credit score, {facts.credit_score}, is below {risk.min_credit_score}"
    return f"the probability of default, {facts.pd:.2%}, is above {risk.max_pd:.2%}"


def judge(Candidates c not None, View view not None, Worth worth not None, Request r not None):
    """Takes out the pairs whose line items do not want this person. Returns 0, or where none is left the reason: of several
    that of lists, else of fraud.
    """
    cdef size_t i, kept = 0, n = c.rows.size()
    cdef Candidate *row
    cdef int32_t at
    cdef uint32_t wanted = 0, why = 0
    cdef int fact
    for i in range(n):
        at = view.lines[c.rows[i].line].risk
        if at >= 0:
            wanted |= view.risks[at].facts
    if not wanted:
        return 0
    worth.learn(c, r, wanted)
    for i in range(n):
        row = &c.rows[i]
        at = view.lines[row.line].risk
        fact = refusal(&view.risks[at], &c.person) if at >= 0 else 0
        if not fact:
            kept = keep(c, i, kept)
            continue
        why |= <uint32_t>fact
        if c.keep_reasons:
            c.out("risk", row.line, row.ad, row.imp, in_words(fact, &view.risks[at], &c.person))
    c.rows.resize(kept)
    if kept:
        return 0
    return IS_LISTED if why & LISTED else FRAUD_RISK if why & (FRAUD | DEVICE_RISK) else CREDIT_RISK
