"""Everything of a run in one place, as only a test has it: simulated clients, their data, keys and processes.

`manifest` turns a configuration and its people into what all parties sign; `testbed` says what each client alone
would know; `contacts`, `keyring` and `synthetic` make contacts, devices' keys and the engine's agents; `keys` and
`deployment` give each party a folder and its processes.
"""
