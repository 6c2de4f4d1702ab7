"""What a run is: the manifest, its parties and rounds, where its words stand, and who allows it."""
