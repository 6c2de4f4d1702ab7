"""The wire: its generated messages, the codecs that refuse what no encoder makes, and how a call travels."""
