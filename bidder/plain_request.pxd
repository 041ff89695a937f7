# A request of HTTP as nearly all exchanges send it, read in one go.

cdef struct Span:
    Py_ssize_t at, size       # size 0: not there

cdef struct PlainRequest:
    Span url, body, secret, forwarded
    bint takes_gzip

# Length of the request that ``data`` begins with; 0: it is not plain, or not all there, and the parser has to read it.
cdef Py_ssize_t read_plain(const char *data, Py_ssize_t size, Py_ssize_t most_url, Py_ssize_t most_body, PlainRequest *found) noexcept nogil
