"""The library of models. Each is written as any user would write one."""
