"""UIS, CoMagic, CallGear, Novofon: the Data API 2.0, from CallGear's documentation (the same engine)."""
