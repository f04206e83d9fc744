"""Pure codecs: bytes in, values out. No wire, no clock."""
