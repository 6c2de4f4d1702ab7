"""What leaves the protocol in the clear: queries, mechanisms, sensitivity, suppression, ledger."""
