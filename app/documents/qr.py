"""QR codes as pictures that stand in the page itself: no request, and nothing kept."""

import segno

QUIET_MODULES = 2


def qr_picture(text: str) -> str:
    """A data URI (SVG, dark on white whatever the theme) of a QR code that reads as `text`."""
    return segno.make_qr(text).svg_data_uri(scale=6, border=QUIET_MODULES, light="#fff")
