"""A party whose clock is wrong: python -m tests.skewed_clock DAYS MODULE ..., as `python -m MODULE ...` is later."""

import datetime
import runpy
import sys


def skew(days):
    """Let all that ask for the date in this process be told another one."""

    class Skewed(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.datetime.fromtimestamp(super().now(tz).timestamp(), tz) + datetime.timedelta(days=days)

    datetime.datetime = Skewed


if __name__ == "__main__":
    skew(int(sys.argv[1]))
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
