"""UIS, CoMagic, Novofon, CallGear: calls, recordings and the delivery log, through the Data API 2.0."""
