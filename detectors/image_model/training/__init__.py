"""Trains the model, and measures it on sources it was not trained on."""
