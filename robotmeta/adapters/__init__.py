"""Other people's environments as targets of adaptation, and our families as Gymnasium environments."""
