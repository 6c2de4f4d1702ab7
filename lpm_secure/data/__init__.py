"""Real data, read through a catalogue that checks every file; and a look-alike for where they cannot be had."""
