"""What is known of the person of a request beside their profile: risk and credit."""

from libc.stdint cimport int32_t, uint32_t

cdef enum Fact:            # domain.worth.Fact
    FRAUD = 1
    DEVICE_RISK = 2
    LISTED = 4
    BLACK = 8
    CREDIT_SCORE = 16
    PD = 32
    P_APPROVED = 64
    OF_RISK = 7            # what the risk service is asked for
    OF_CREDIT = 112

cdef struct Facts:
    uint32_t known         # of Fact; what is not known has no value below
    int32_t fraud          # 0 to 1000
    int32_t device_risk    # 0 to 1000
    int32_t credit_score   # 300 to 900
    double pd              # probability of default, of an approved credit
    double p_approved      # probability of approval, of an application
