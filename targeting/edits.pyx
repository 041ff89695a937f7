"""Changing many records in one transaction: in the order of their keys, so that each page is found and copied once, and
a person's edits together.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint32_t

from operator import itemgetter

from targeting.forgotten cimport Forgotten
from targeting.record cimport Relation, alias_of, is_joined, scope_advertiser, scope_campaign, scope_creative, scope_line_item
from targeting.record_editor cimport Editor

from targeting.record import MAX_SCOPE_ID

cdef uint32_t MOST_ID = MAX_SCOPE_ID


cdef class Impression:
    """Counts one impression shown at ``at_s`` (unix seconds) for the frequency caps. ``relates``: it is also the
    advertiser's last one; not so in the counters of a device or a household. Ids of 0 have no counter.
    """

    cdef uint32_t at
    cdef uint32_t campaign, line_item, advertiser, creative
    cdef bint relates

    def __init__(
        self, uint32_t at_s, uint32_t campaign, uint32_t line_item, uint32_t advertiser=0, uint32_t creative=0,
        bint relates=True,
    ):
        if max(campaign, line_item, advertiser, creative) > MOST_ID:
            raise ValueError(f"an id of {(campaign, line_item, advertiser, creative)} is above {MOST_ID}")
        self.at, self.relates = at_s, relates
        self.campaign, self.line_item, self.advertiser, self.creative = campaign, line_item, advertiser, creative

    def __call__(self, Editor editor not None):
        self.count(editor)

    cdef int count(self, Editor editor) except -1:
        cdef Relation *row
        editor.counters.count(scope_campaign(self.campaign), self.at)
        editor.counters.count(scope_line_item(self.line_item), self.at)
        if self.advertiser:
            editor.counters.count(scope_advertiser(self.advertiser), self.at)
        if self.creative:
            editor.counters.count(scope_creative(self.creative), self.at)
        editor.counters.trim()
        if self.advertiser and self.relates:
            row = editor.with_advertiser(self.advertiser)
            row.shown = max(row.shown, self.at)
        return 0


def apply_edits(txn, db, Editor editor not None, edits, set split not None, Forgotten forgotten not None):
    """Changes records in a write transaction; those of one person in the order given. Adds to ``split`` keys at which a
    page was split (`targeting.packing`). Nothing is done to who is ``forgotten``.

    Returns the persons whose records were begun afresh, since they were none; and those who have several keys
    (`targeting.merge`), to whom nothing was done either.
    """
    cdef set joined = set()
    cdef list afresh = [], ordered = sorted(edits, key=itemgetter(0))
    cdef Py_ssize_t place = 0, count = len(ordered)
    cdef tuple item
    cdef object person, edit, leaves
    cdef bint passed
    cdef bytes key, value
    leaves = txn.stat(db)["leaf_pages"]
    stat = txn.stat
    with txn.cursor(db=db) as cursor:
        find, current, put, delete = cursor.set_key, cursor.value, cursor.put, cursor.delete
        while place < count:
            item = ordered[place]
            person = item[0]
            key = person.to_bytes(8, "big")
            value = current() if find(key) else None
            passed = forgotten.any and forgotten.has(person)
            if not passed and value is not None and of_several(value):
                passed = True
                joined.add(person)
            if passed:
                place += 1
                while place < count and ordered[place][0] == person:
                    place += 1
                continue
            if not editor.load(value):
                afresh.append(person)
            while True:
                edit = item[1]
                if type(edit) is Impression:
                    (<Impression>edit).count(editor)
                else:
                    edit(editor)
                place += 1
                if place == count:
                    break
                item = ordered[place]
                if item[0] != person:
                    break
            if editor.is_empty():
                if find(key):
                    delete()
                continue
            put(key, editor.pack())
            now = stat(db)["leaf_pages"]
            if now != leaves:
                leaves = now
                split.add(key)
    return afresh, joined


cdef inline bint of_several(bytes record):
    cdef const uint8_t *data = <const uint8_t *>PyBytes_AS_STRING(record)
    cdef Py_ssize_t size = PyBytes_GET_SIZE(record)
    return is_joined(data, size) or alias_of(data, size) != 0
