"""The engine: drives the steps of a run, simulates synthetic agents, and in a clear run everybody.

`loop` announces steps, learns releases and yields a `series`; `tally` estimates stages from noised releases; `venues`
says who meets where. Agents come in two forms with the same bits: `tensors` (torch, CPU or CUDA) and `epidemic`
(compiled, CPU), the latter on the `kernels` that know no epidemic.
"""
