"""How often a JPEG file goes over its picture. Each scan of a progressive one may cost a pass over all its pixels."""

import re

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""What begins a segment: neither a stuffed byte, nor a restart, nor filling."""

_SCAN, _END, _BEGIN = 0xDA, 0xD9, 0xD8


def count_scans(data: bytes) -> int:
    """Scans of the first picture in a JPEG file; 0 where it is none.

    Cost: one search through the bytes of that picture.

    Source: ITU-T T.81, annex B.
    """
    scans, place = 0, 0
    while found := _MARKER.search(data, place):
        kind, place = data[found.start() + 1], found.end()
        if kind == _END:
            break
        scans += kind == _SCAN
        if kind != _BEGIN:
            place += int.from_bytes(data[place : place + 2], "big")
    return scans
