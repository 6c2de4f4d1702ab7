"""What the aggregators compute on shares: comparison, validity, cell suppression, scores.

`backend` is what any joint computation can do, `crypten_backend` one that does it; `agreement` settles on one result a
round; `outcomes` compares `levels` with thresholds, `validity` checks ranges, `suppression` zeroes small cells, `score`
adds up a gradient's score.
"""
