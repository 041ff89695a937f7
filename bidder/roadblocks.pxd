from bidder.candidates cimport Candidates
from bidder.leases cimport Leases
from bidder.seller cimport Seller
from bidder.view cimport View
from openrtb.request cimport Request

cdef int take_roadblock(Candidates c, View view, Seller seller, Leases leases, Request r) except -1
