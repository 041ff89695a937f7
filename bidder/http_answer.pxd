# 200 with this JSON, compressed if the exchange takes it and it is no shorter than ``least`` bytes; 0: never.
cdef bytes written(bytes body, bint takes_gzip, object least)

# The answer after which the connection is closed.
cdef bytes last_of_all(bytes response)
