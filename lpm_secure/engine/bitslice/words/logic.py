"""Boolean words of many lanes, one bit for each run; what a bit-sliced integer is made of."""

import abc
from typing import Any

Word = Any  # False or True of all lanes, or whatever a logic computes with


class Logic(abc.ABC):
    """Operations on words. What is known of all lanes is folded; subclasses compute the rest."""

    @abc.abstractmethod
    def conjunction(self, a: Word, b: Word) -> Word:
        """Return `a & b` of two words that are not known."""

    @abc.abstractmethod
    def disjunction(self, a: Word, b: Word) -> Word:
        """Return `a | b` of two words that are not known."""

    @abc.abstractmethod
    def difference(self, a: Word, b: Word) -> Word:
        """Return `a ^ b` of two words that are not known."""

    @abc.abstractmethod
    def complement(self, a: Word) -> Word:
        """Return `~a` of a word that is not known."""

    def every(self, a: Word, b: Word) -> Word:
        """Return `a & b`."""
        if a is False or b is False:
            return False
        if a is True or a is b:
            return b
        return a if b is True else self.conjunction(a, b)

    def either(self, a: Word, b: Word) -> Word:
        """Return `a | b`."""
        if a is True or b is True:
            return True
        if a is False or a is b:
            return b
        return a if b is False else self.disjunction(a, b)

    def differ(self, a: Word, b: Word) -> Word:
        """Return `a ^ b`."""
        if a is b:
            return False
        if a is False or a is True:
            a, b = b, a
        if b is False:
            return a
        return self.negate(a) if b is True else self.difference(a, b)

    def negate(self, a: Word) -> Word:
        """Return `~a`."""
        return not a if isinstance(a, bool) else self.complement(a)

    def choose(self, condition: Word, yes: Word, no: Word) -> Word:
        """Return `yes` in lanes where a condition holds, and `no` in the others."""
        if yes is no or isinstance(condition, bool):
            return yes if condition is True or yes is no else no
        if isinstance(yes, bool) and isinstance(no, bool):
            return condition if yes else self.negate(condition)
        if yes is False or no is False:
            return self.every(condition, yes) if no is False else self.every(self.negate(condition), no)
        if yes is True or no is True:
            return self.either(condition, no) if yes is True else self.either(self.negate(condition), yes)
        return self.differ(no, self.every(condition, self.differ(yes, no)))

    def majority(self, a: Word, b: Word, c: Word) -> Word:
        """Return what two of three words say: the carry of their sum."""
        return self.either(self.every(a, b), self.every(c, self.differ(a, b)))
