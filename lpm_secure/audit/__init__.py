"""What a run was allowed to learn, what it did learn, and who saw what: from its files alone.

`collect` and `gather` make the folder; `index` signs and checks its files; `audit` puts the checks together: `rules`
and `inquiries` over the ledgers, `privacy_cost` for what all releases cost, `build` for tests of the program itself
(`two_worlds` and `replays` of its noise, `views` of what its aggregators see); `page` shows the result.
"""
