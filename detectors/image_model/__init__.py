"""The picture classifier: how likely a picture was made by a generator, as a calibrated ratio."""
